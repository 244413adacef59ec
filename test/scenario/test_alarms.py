"""Alarms: what goes wrong reaches people, by webhook and by mail, once."""
import http.server
import json
import os
import socket
import threading

import pytest

from lib import sources
from lib.station import wait_for

FAULTY = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e"]


class Hook:
    """A webhook that keeps what is posted to it."""

    def __init__(self, status=204):
        self.status = status
        self.posts = []  # (path, headers, document)
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hooks/secret"

    def states(self, kind):
        return [document["state"] for _, _, document in self.posts if document["kind"] == kind]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mailbox:
    """A mail server that takes everything."""

    def __init__(self):
        self.mails = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock, sock.makefile("rwb", 0) as file:
            file.write(b"220 mail.example ESMTP\r\n")
            for line in file:
                word = line[:4].upper()
                if word == b"DATA":
                    file.write(b"354 go on\r\n")
                    mail = b""
                    for part in file:
                        if part == b".\r\n":
                            break
                        mail += part
                    self.mails.append(mail.decode())
                file.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")

    def close(self):
        self.listener.close()


@pytest.fixture
def hook():
    made = Hook()
    yield made
    made.close()


@pytest.fixture
def mailbox():
    made = Mailbox()
    yield made
    made.close()


def by_hook(hook, **more):
    return {"alarm_webhook": f'"{hook.url}"', "alarm_webhook_private": "true", **more}


def by_mail(mailbox, **more):
    return {
        "alarm_mail_server": f'"smtp://127.0.0.1:{mailbox.port}"',
        "alarm_mail_from": '"mast@radio.example"',
        "alarm_mail_to": '"engineer@radio.example"',
        **more,
    }


def alarm_test(station):
    return station.run("alarm", "test", "-c", station.config, check=False)


@pytest.mark.quick
def test_a_test_message_arrives_by_every_way(make_mast, hook, mailbox):
    station = make_mast({**by_hook(hook), **by_mail(mailbox)})
    done = alarm_test(station)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        f"mail: sent: taken by smtp://127.0.0.1:{mailbox.port}",
        f"webhook: sent: 204 from http://127.0.0.1:{hook.port}",
    ]
    (path, headers, document), = hook.posts
    assert path == "/hooks/secret"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("mast/")
    assert document["kind"] == document["state"] == "test"
    assert document["station_url"] == f"http://127.0.0.1:{station.port}"
    assert document["text"].startswith("mast: test. ")
    mail, = mailbox.mails
    assert "Subject: [mast] test\r\n" in mail
    assert "From: mast <mast@radio.example>\r\nTo: <engineer@radio.example>\r\n" in mail
    assert f"http://127.0.0.1:{station.port}" in mail
    assert "secret" not in station.log_text()


@pytest.mark.quick
def test_a_way_that_fails_is_named_with_its_reason(make_mast, hook, mailbox):
    hook.status = 500
    station = make_mast({**by_hook(hook), **by_mail(mailbox)})
    done = alarm_test(station)
    assert done.returncode == 1
    assert f"webhook: not sent: 500 from http://127.0.0.1:{hook.port}\n" in done.stderr
    assert "mail: sent: " in done.stderr


def test_a_private_webhook_needs_leave(make_mast, hook):
    station = make_mast({"alarm_webhook": f'"{hook.url}"'})
    done = alarm_test(station)
    assert done.returncode == 1
    assert done.stderr == (f"webhook: not sent: http://127.0.0.1:{hook.port}: "
                           "its address 127.0.0.1 is a private one\n")
    assert hook.posts == []


def test_without_a_way_or_a_server_the_test_says_so(mast):
    done = alarm_test(mast)
    assert done.returncode == 1
    assert "the configuration has no alarm_webhook and no alarm_mail_server" in done.stderr
    mast.stop()
    done = alarm_test(mast)
    assert done.returncode == 1
    assert "no server runs on" in done.stderr


def test_a_disk_that_fails_is_told_once_and_so_is_its_end(make_mast, hook):
    """Writing fails for a while, as on a full disk: the air goes on, and people are told."""
    station = make_mast(by_hook(hook),
                        prefix=[*FAULTY, "inject=pwrite64:error=ENOSPC:when=40..90"],
                        # The leak checker cannot run in a process that is traced already.
                        env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
                             ":detect_leaks=0"})
    with sources.tone_source(station.port, hz=440) as source:
        source.start()
        station.wait_on_air(seconds=60)
        wait_for(lambda: "raised" in hook.states("disk"), 120, why="no alarm came")
        assert station.is_on_air()
        wait_for(lambda: "over" in hook.states("disk"), 120, why="its end was not told")
    document = next(d for _, _, d in hook.posts if d["kind"] == "disk")
    assert document["subject"] == "disk"
    assert "is not recorded" in document["message"]
    assert hook.states("disk").count("raised") == 1
