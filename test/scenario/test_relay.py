"""Relays: streams that are fetched from elsewhere are inputs like any other."""
import http.server
import json
import os
import threading

import pytest

from lib import ears, sound, web
from lib.sources import Child, set_title, tone_source
from lib.station import KEY, document, free_port, wait_for

ICECAST = """<icecast>
  <limits><clients>50</clients><sources>9</sources></limits>
  <authentication><source-password>{key}</source-password><admin-user>admin</admin-user>
    <admin-password>{key}</admin-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><logdir>{folder}</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>access</accesslog><errorlog>error</errorlog><loglevel>4</loglevel></logging>
  <security><chroot>0</chroot>{owner}</security>
</icecast>
"""


class Icecast:
    """The far end; it can go and come back on the same port."""

    def __init__(self, folder):
        self.folder, self.port, self.child = folder, free_port(), None
        folder.mkdir()
        owner = ""
        if os.getuid() == 0:
            # Icecast does not run as root; its folder must be open to whom it becomes.
            owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"
            path = folder
            while path != path.parent and str(path) != "/tmp":
                path.chmod(0o755)
                path = path.parent
            folder.chmod(0o777)
        (folder / "icecast.xml").write_text(
            ICECAST.format(port=self.port, key=KEY, folder=folder, owner=owner))

    def start(self):
        self.child = Child(["icecast2", "-c", str(self.folder / "icecast.xml")], self.folder)
        wait_for(self._is_up, 20, why="icecast did not come up")

    def _is_up(self):
        try:
            return web.get(self.port, "/status-json.xsl").status == 200
        except OSError:
            return False

    def stop(self):
        if self.child:
            self.child.stop()


@pytest.fixture
def far(tmp_path):
    made = Icecast(tmp_path / "icecast")
    made.start()
    yield made
    made.stop()


def with_relay(url, order=200, **more):
    what = document()
    what["stations"][0]["sources"].append({"relay": url, "order": order, "private": True, **more})
    return what


def reasons(station):
    return station.log_lines("relay")


def hear(station, seconds=5.0):
    with ears.Ear(station.port) as ear:
        ear.start().wait_seconds(seconds)
        return sound.decode(bytes(ear.sound)), [text for _, text in ear.titles]


@pytest.mark.quick
def test_a_stream_of_icecast_is_on_the_air_with_its_title(make_mast, far):
    with tone_source(far.port, mount="/far.mp3", hz=500) as source:
        source.start()
        set_title(far.port, "From afar", mount="/far.mp3", user="admin")
        station = make_mast(what=with_relay(f"http://127.0.0.1:{far.port}/far.mp3"))
        station.wait_on_air(seconds=30)
        heard, titles = hear(station, 6)
        assert sound.pitch_hz(heard[-3 * sound.RATE:]) == pytest.approx(500, abs=6)
        assert sound.holes_ms(heard, skip_s=0.2) == 0
        assert "From afar" in titles
        found = next(line for line in station.log_lines("source_up"))
        assert "mount=/wxyz/relay-1" in found and "user=relay" in found


def test_a_relay_comes_back_when_its_far_end_does(make_mast, far):
    source = tone_source(far.port, mount="/far.mp3", hz=500)
    source.start()
    station = make_mast(what=with_relay(f"http://127.0.0.1:{far.port}/far.mp3"))
    wait_for(lambda: station.log_lines("source_up"), 30)
    far.stop()
    wait_for(lambda: station.log_lines("source_down"), 30)
    wait_for(lambda: any("ailed to connect" in line or "ouldn't connect" in line
                         for line in reasons(station)), 30, why="no reason was given")
    far.start()
    with tone_source(far.port, mount="/far.mp3", hz=600) as again:
        again.start()
        wait_for(lambda: len(station.log_lines("source_up")) == 2, 60, why="it did not come back")
    # Each reason is said once, however often it was tried: it ended, nobody there, perhaps 404
    # while Icecast had no source yet.
    texts = [line.split("text=", 1)[1] for line in reasons(station)]
    assert all(one != two for one, two in zip(texts, texts[1:])), texts
    source.sock.close()


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        port = self.server.server_address[1]
        if self.path == "/html":
            self._say(200, b"<html>", "text/html")
        elif self.path == "/loop":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{port}/loop")
            self.end_headers()
        elif self.path == "/list":
            self._say(200, b"http://127.0.0.1/far.mp3\n", "audio/x-mpegurl")
        elif self.path == "/noise":
            self.send_response(200)
            self.send_header("Content-Type", "audio/mpeg")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"no sound at all " * 512)
            except OSError:
                pass
        else:
            self._say(404, b"", "text/plain")

    def _say(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def pages():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_what_is_no_stream_is_named_and_the_air_goes_on(make_mast, pages):
    wanted = {
        "/none": "the answer is 404",
        "/html": "text/html",
        "/loop": "redirects",
        "/list": "it is a playlist",
        "/noise": "what it sends is not the sound that it announced",
    }
    what = document()
    what["stations"][0]["sources"] += [
        {"relay": f"http://127.0.0.1:{pages}{path}", "private": True} for path in wanted]
    what["stations"][0]["sources"].append({"relay": f"http://127.0.0.1:{pages}/private"})
    station = make_mast(what=what)
    with tone_source(station.port) as source:
        source.start()
        for text in [*wanted.values(), "is a private one"]:
            wait_for(lambda text=text: any(text in line for line in reasons(station)), 30,
                     why=f"no relay ended with '{text}': {reasons(station)}")
        station.wait_on_air()
        heard, _ = hear(station, 4)
        assert sound.pitch_hz(heard[-2 * sound.RATE:]) == pytest.approx(440, abs=6)


def test_a_relay_that_is_taken_off_the_board_ends(make_mast, far):
    with tone_source(far.port, mount="/far.mp3", hz=500) as source:
        source.start()
        url = f"http://127.0.0.1:{far.port}/far.mp3"
        station = make_mast(what=with_relay(url))
        wait_for(lambda: station.log_lines("source_up"), 30)
        assert web.get(far.port, "/far.mp3.m3u").status == 200
        wait_for(lambda: _listeners(far) == 1, 10, why="icecast does not count it")
        station.apply(with_relay(url, remove=True))
        wait_for(lambda: station.log_lines("source_down"), 10)
        wait_for(lambda: _listeners(far) == 0, 10, why="icecast still sends")
        station.apply(with_relay(url))
        wait_for(lambda: _listeners(far) == 1, 10, why="it did not begin again")


def _listeners(far):
    return json.loads(web.get(far.port, "/status-json.xsl").body)["icestats"]["source"]["listeners"]
