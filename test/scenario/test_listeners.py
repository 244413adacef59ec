"""Listeners: what players get, how fast, and what happens to those who do not take it."""
import contextlib
import json
import os
import re
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest

from lib import ears, sound, web
from lib.sources import Child, set_title, tone_source
from lib.station import Station, document, free_port, wait_for

HZ = {"mp3": 440, "aac": 550, "opus": 660}


@pytest.fixture(scope="module")
def on_air(tmp_path_factory):
    """A station that has been on the air for some seconds, shared by the tests of this file."""
    station = Station(tmp_path_factory.mktemp("on-air"))
    with station.start(), contextlib.ExitStack() as sources:
        for slug in ("wxyz", "kmst", "wopu"):
            station.apply(document(slug, {"wxyz": "WXYZ News"}.get(slug, slug.upper())))
        for codec, mount in (("mp3", "/wxyz"), ("aac", "/kmst"), ("opus", "/wopu")):
            source = tone_source(station.port, HZ[codec], codec, mount=mount)
            sources.enter_context(source).start()
        for slug in ("wxyz", "kmst", "wopu"):
            station.wait_on_air(slug)
        time.sleep(4)
        set_title(station.port, "First title")
        wait_for(lambda: station.title() == "First title", 8)
        time.sleep(4)  # the title holds for the whole of a burst
        yield station


# ---- ICY


@pytest.mark.quick
def test_an_icy_listener_gets_blocks_and_clean_sound(on_air):
    with ears.Ear(on_air.port) as ear:
        ear.start()
        assert ear.line.startswith("HTTP/1.0 200")
        assert ear.answer["content-type"] == "audio/mpeg"
        assert ear.answer["icy-name"] == "WXYZ News" and ear.answer["icy-br"] == "128"
        assert ear.answer["icy-metaint"] == "16000"
        assert "chunked" not in ear.answer_head.decode().lower()
        ear.wait_seconds(6)
    assert ear.titles[0] == (16000, "First title")
    heard = sound.decode(bytes(ear.sound), "mp3")
    assert sound.pitch_hz(heard) == pytest.approx(440, abs=6)
    assert sound.holes_ms(heard, skip_s=0.1) == 0
    assert sound.largest_step(heard[1600:]) < 1.1 * sound.tone_step(440)


def test_a_plain_listener_gets_sound_alone(on_air):
    for headers in ({}, {"Icy-MetaData": "0"}):
        with ears.Ear(on_air.port, metadata=False, headers=headers) as ear:
            ear.start()
            assert "icy-metaint" not in ear.answer
            ear.wait_seconds(4)
        assert b"StreamTitle" not in ear.sound
        assert sound.largest_step(sound.decode(bytes(ear.sound), "mp3")[1600:]) < \
            1.1 * sound.tone_step(440)


def test_a_burst_is_three_seconds_of_sound(on_air):
    for metadata in (True, False):
        with ears.Ear(on_air.port, metadata=metadata) as ear:
            ear.start()
            time.sleep(0.4)
            burst_s = sum(count for at, count in ear.arrivals if at < 0.3) / 16000
        # What the listener's own slot adds within the 0.3 s is sound too.
        assert 2.7 < burst_s < 3.6, ear.arrivals


def test_the_burst_is_as_long_as_configured(make_mast):
    station = make_mast({"burst": '"8s"'})
    with tone_source(station.port) as source:
        source.start()
        station.wait_on_air()
        time.sleep(9)
        with ears.Ear(station.port) as ear:
            ear.start()
            time.sleep(0.4)
            assert 7.5 < sum(count for at, count in ear.arrivals if at < 0.3) / 16000 < 8.6


@pytest.mark.parametrize("path,magic", [
    ("/wxyz/mp3-128.mp3", b"\xff\xfb"), ("/kmst/aac-96.aac", b"\xff\xf1"),
    ("/wopu/opus-96.opus", b"OggS")])
def test_the_first_byte_begins_a_frame(on_air, path, magic):
    for _ in range(5):
        with ears.Ear(on_air.port, path, metadata=False) as ear:
            ear.start().wait_bytes(4000)
            assert bytes(ear.sound[:len(magic)]) == magic
        time.sleep(0.13)


def test_ogg_listeners_get_the_header_pages_first(on_air):
    with ears.Ear(on_air.port, "/wopu/opus-96.opus", metadata=False) as ear:
        ear.start().wait_seconds(5, 96)
    data = bytes(ear.sound)
    assert b"OpusHead" in data[:100] and b"OpusTags" in data[:2000]
    assert data[5] & 2  # begins a logical stream
    heard = sound.decode(data, "ogg")
    assert sound.pitch_hz(heard) == pytest.approx(660, abs=6)
    assert sound.holes_ms(heard, skip_s=0.1) == 0


@pytest.mark.quick
def test_a_listener_never_runs_dry(on_air):
    with ears.Ear(on_air.port) as one, ears.Ear(on_air.port, metadata=False) as two:
        one.start()
        two.start()
        one.wait_seconds(13, seconds=25)
        two.wait_seconds(12, seconds=25)
    assert ears.underruns(one.arrived_s()) == 0
    assert ears.underruns(two.arrived_s()) == 0
    assert ears.longest_gap_s(one.arrived_s()) < 1.5


def test_a_new_title_comes_at_its_place_in_the_sound(on_air):
    with ears.Ear(on_air.port, "/wxyz/mp3-128.mp3") as ear:
        ear.start().wait_seconds(3)
        assert set_title(on_air.port, "Second title").status == 200
        ear.wait_title("Second title", 10)
        at = len(ear.sound)
        ear.wait_bytes(at + 48000)
    assert [text for _, text in ear.titles] == ["First title", "Second title"]
    assert set_title(on_air.port, "First title").status == 200
    wait_for(lambda: on_air.title() == "First title", 8)
    time.sleep(4)


# ---- other ways of asking


@pytest.mark.quick
def test_head_answers_without_sound(on_air):
    answer = web.request(on_air.port, "HEAD", "/wxyz/mp3-128.mp3")
    assert answer.status == 200 and answer.headers["content-type"] == "audio/mpeg"
    got, closed = web.raw(on_air.port, b"HEAD /wxyz/mp3-128.mp3 HTTP/1.0\r\n\r\n", timeout=5)
    assert closed and got.endswith(b"\r\n\r\n")


def test_a_range_from_zero_is_answered_in_full(on_air):
    for value in ("bytes=0-", "bytes=0-1"):
        with ears.Ear(on_air.port, headers={"Range": value}, version="1.1") as ear:
            ear.start().wait_seconds(3.5)
            assert ear.status == 200 and "content-range" not in ear.answer


def test_shorter_and_configured_addresses_lead_to_the_same_sound(on_air):
    for path in ("/wxyz.mp3", "/live.mp3", "/wxyz/mp3-128.mp3"):
        with ears.Ear(on_air.port, path) as ear:
            ear.start().wait_seconds(3)
            assert sound.pitch_hz(sound.decode(bytes(ear.sound))) == pytest.approx(440, abs=6)
    assert on_air.get("/wxyz/none.mp3").status == 404
    assert on_air.get("/wxyz/mp3-128.aac").status == 404


def test_playlists_name_the_stream(on_air):
    stream = f"http://127.0.0.1:{on_air.port}/wxyz/mp3-128.mp3"
    # The Host header of a stranger never gets into a link.
    host = {"Host": "evil.example"}
    m3u = on_air.get("/wxyz/mp3-128.mp3.m3u", host)
    assert m3u.headers["content-type"].startswith("audio/x-mpegurl")
    assert [line for line in m3u.text.split() if not line.startswith("#")][0] == stream
    pls = on_air.get("/wxyz/mp3-128.mp3.pls", host)
    assert pls.headers["content-type"].startswith("audio/x-scpls")
    assert pls.text.splitlines()[0] == "[playlist]" and f"File1={stream}" in pls.text
    xspf = on_air.get("/wxyz/mp3-128.mp3.xspf", host)
    assert xspf.headers["content-type"].startswith("application/xspf+xml")
    tree = ET.fromstring(xspf.body)
    assert [e.text for e in tree.iter("{http://xspf.org/ns/0/}location")] == [stream]
    assert on_air.get("/wxyz.mp3.m3u").status == 200


def test_a_page_of_another_site_may_ask_with_metadata(on_air):
    answer = web.request(on_air.port, "OPTIONS", "/wxyz/mp3-128.mp3", {
        "Origin": "https://player.example", "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "icy-metadata, range"})
    assert answer.status in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert "icy-metadata" in allowed and "range" in allowed
    with ears.Ear(on_air.port, headers={"Origin": "https://player.example"}) as ear:
        ear.start()
        assert ear.answer["access-control-allow-origin"] == "*"
        assert "icy-metaint" in ear.answer["access-control-expose-headers"].lower()
        assert "access-control-allow-credentials" not in ear.answer


# ---- players


def test_curl_saves_sound(on_air, tmp_path):
    subprocess.run(["curl", "-sS", "-m", "6", "-o", str(tmp_path / "out.mp3"),
                    f"http://127.0.0.1:{on_air.port}/wxyz.mp3"], check=False)
    heard = sound.decode((tmp_path / "out.mp3").read_bytes())
    assert len(heard) > 5 * sound.RATE and sound.holes_ms(heard, skip_s=0.1) == 0


def test_mpv_plays_with_titles(on_air, tmp_path):
    out = tmp_path / "out.wav"
    with Child(["mpv", "--no-config", "--no-video", "--ao=pcm", f"--ao-pcm-file={out}",
                "--msg-level=all=info",
                f"http://127.0.0.1:{on_air.port}/wxyz/mp3-128.mp3"], tmp_path) as player:
        wait_for(lambda: not player.is_running() or "First title" in player.text(), 20,
                 why=f"mpv showed no title: {player.text()}")
        assert "First title" in player.text(), player.text()
        wait_for(lambda: out.exists() and out.stat().st_size > 4 * 44100 * 4, 20)
    assert sound.pitch_hz(sound.decode(out.read_bytes())) == pytest.approx(440, abs=6)


def test_ffplay_plays_with_titles(on_air, tmp_path):
    with Child(["ffplay", "-hide_banner", "-nodisp", "-loglevel", "info", "-probesize", "64k",
                f"http://127.0.0.1:{on_air.port}/wxyz/mp3-128.mp3"], tmp_path,
               env={"SDL_AUDIODRIVER": "dummy", "HOME": str(tmp_path)}) as player:
        wait_for(lambda: re.search(r"StreamTitle\s*:\s*First title", player.text()), 20,
                 why=f"ffplay showed no title: {player.text()}")
        time.sleep(3)
        assert player.is_running(), player.text()
    assert "Audio: mp3" in player.text() and "128 kb/s" in player.text()
    assert "Error" not in player.text() and "Header missing" not in player.text()


# ---- those who do not take it


def test_a_listener_who_reads_no_more_is_dropped_and_nobody_hears_it(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        time.sleep(3)
        with ears.Ear(mast.port, receive_buffer=4096) as slow, ears.Ear(mast.port) as good:
            good.start()
            slow.start().wait_bytes(1000)
            slow.pause()
            wait_for(lambda: mast.mounts()["/wxyz/mp3-128.mp3"]["listeners"] == 1, 90, every=0.5,
                     why="the slow listener was kept")
            slow.resume()
            assert slow.closed.wait(20), "the slow listener's connection was left open"
            assert ears.underruns(good.arrived_s()) == 0
            assert not good.closed.is_set()
        assert len(slow.sound) < len(good.sound)


def test_counters_return_to_zero_after_listeners_of_every_kind(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        sockets = mast.open_sockets()
        for round_ in range(40):
            with ears.Ear(mast.port, metadata=bool(round_ % 2)) as ear:
                ear.open()
                if round_ % 4 == 0:
                    ear.sock.recv(1000)
        wait_for(lambda: mast.mounts()["/wxyz/mp3-128.mp3"]["listeners"] == 0, 15)
        wait_for(lambda: mast.open_sockets() <= sockets + 2, 15,
                 why=f"{mast.open_sockets()} sockets are open, {sockets} before")
        assert mast.mounts()["/wxyz/mp3-128.mp3"]["listener_peak"] >= 1


def test_the_listener_after_the_last_is_told_to_come_back(make_mast):
    station = make_mast({"listeners_max": "3"})
    with tone_source(station.port) as source:
        source.start()
        station.wait_on_air()
        crowd = [ears.Ear(station.port).start() for _ in range(3)]
        late = station.get("/wxyz.mp3")
        assert late.status in (403, 503) and late.status == 503 and "retry-after" in late.headers
        crowd[0].stop()
        wait_for(lambda: ears.Ear(station.port).open().status == 200, 10)
        for ear in crowd:
            ear.stop()


def test_listeners_are_listed_and_one_can_be_sent_away(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        with ears.Ear(mast.port, headers={"User-Agent": "Ear <1>"}) as ear:
            ear.start()
            path = "/admin/listclients?mount=/wxyz/mp3-128.mp3"
            assert mast.get(path).status == 401
            found = wait_for(lambda: ET.fromstring(mast.admin(path).body).find(".//listener"), 5)
            assert found.find("UserAgent").text == "Ear <1>"
            assert found.find("IP").text == "127.0.0.1"
            number = found.find("ID").text
            done = mast.admin(f"/admin/killclient?mount=/wxyz/mp3-128.mp3&id={number}")
            assert done.status == 200
            assert ear.closed.wait(5)


def test_each_session_is_one_record_at_its_end(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        with ears.Ear(mast.port, headers={"User-Agent": "Session ear"}) as ear:
            ear.start().wait_seconds(4)
        path = mast.data / "sessions.jsonl"
        found = wait_for(lambda: [one for one in map(json.loads, path.read_text().splitlines())
                                  if one.get("agent") == "Session ear" and one.get("reason")], 10)
        assert len(found) == 1
        assert found[0]["station"] == "wxyz" and found[0]["rendition"] == "mp3-128"
        assert found[0]["bytes"] >= 64000


# ---- relays

ICECAST = """<icecast>
  <limits><clients>50</clients><sources>9</sources></limits>
  <authentication><source-password>x-x-x</source-password><admin-user>admin</admin-user>
    <admin-password>x-x-x</admin-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  {relay}
  <paths><logdir>{folder}</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>access</accesslog><errorlog>error</errorlog><loglevel>4</loglevel></logging>
  <security><chroot>0</chroot>{owner}</security>
</icecast>
"""
ONE = """<relay><server>127.0.0.1</server><port>{port}</port><mount>/wxyz/mp3-128.mp3</mount>
  <local-mount>/copy.mp3</local-mount><on-demand>0</on-demand>
  <relay-shoutcast-metadata>1</relay-shoutcast-metadata></relay>"""
ALL = """<master-server>127.0.0.1</master-server><master-server-port>{port}</master-server-port>
  <master-username>relay</master-username><master-update-interval>2</master-update-interval>
  <master-password>{key}</master-password>"""


def icecast(folder, relay):
    port = free_port()
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
        ICECAST.format(port=port, relay=relay, folder=folder, owner=owner))
    return port, Child(["icecast2", "-c", str(folder / "icecast.xml")], folder)


@pytest.mark.parametrize("how", ["one", "all"])
def test_icecast_relays_from_mast(on_air, tmp_path, how):
    if how == "one":
        relay, mount = ONE.format(port=on_air.port), "/copy.mp3"
    else:
        relay, mount = ALL.format(port=on_air.port, key=on_air.relay_key()), "/wxyz/mp3-128.mp3"
    port, child = icecast(tmp_path, relay)
    with child:
        wait_for(lambda: _is_up(port, mount), 30, every=0.5,
                 why=f"icecast does not relay: {_log(tmp_path)}")
        with ears.Ear(port, mount) as ear:
            ear.start().wait_seconds(5)
        heard = sound.decode(bytes(ear.sound))
        assert sound.pitch_hz(heard) == pytest.approx(440, abs=6)
        assert sound.holes_ms(heard, skip_s=0.2) == 0
        assert any(text == "First title" for _, text in ear.titles), ear.titles


def _is_up(port, mount):
    try:
        return mount in web.get(port, "/status-json.xsl").text
    except OSError:
        return False


def _log(folder):
    path = folder / "error"
    return path.read_text()[-2000:] if path.exists() else "no log"
