"""Alarms: what goes wrong reaches people, by webhook and by mail, once."""
import base64
import os

import pytest

from lib import sources, tls
from lib.alarms import Hook, Mailbox, alarm_test, by_hook, by_mail
from lib.station import wait_for

FAULTY = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e"]


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


# ---- over TLS

LOGIN = {"alarm_mail_user": '"mast"', "alarm_mail_password": '"key of the mail"'}
PROOF = base64.b64encode(b"\0mast\0key of the mail").decode()

# What is shown -> (how the server's certificate is made, what is said of it).
BAD = {
    "another name": ({"name": "other.example"}, "no alternative certificate subject name matches"),
    "its own word": ({"self_signed": True}, "self-signed certificate"),
    "one of yesterday": ({"from_s": -2 * tls.DAY_S, "to_s": -tls.DAY_S},
                         "certificate has expired"),
    "one of tomorrow": ({"from_s": tls.DAY_S, "to_s": 2 * tls.DAY_S},
                        "certificate is not yet valid"),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return tls.Authority(tmp_path_factory.mktemp("tls") / "authority")


def trusting(authority):
    return {"alarm_ca_file": f'"{authority.file}"'}


class Peers:
    """A webhook, a mail server with STARTTLS and one with TLS from the start."""

    def __init__(self, context):
        self.hook, self.mailbox = Hook(context=context), Mailbox(context)
        self.smtps = Mailbox(context, from_the_start=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in (self.hook, self.mailbox, self.smtps):
            each.close()

    def options(self, way, **more):
        if way == "webhook":
            return by_hook(self.hook, **more)
        box = self.smtps if way == "smtps" else self.mailbox
        return by_mail(box, f"{way}://localhost:{box.port}", **LOGIN, **more)

    def assert_nothing_was_told(self):
        assert self.hook.posts == []
        assert self.mailbox.mails == self.smtps.mails == []
        assert [line for is_secret, line in self.mailbox.said + self.smtps.said
                if is_secret or line.split()[0] not in ("EHLO", "STARTTLS", "QUIT")] == []


@pytest.mark.parametrize("way", ["webhook", "smtp", "smtps"])
def test_a_message_arrives_over_tls(make_mast, authority, way):
    with Peers(authority.server()) as peers:
        station = make_mast(peers.options(way, **trusting(authority)))
        done = alarm_test(station)
        assert done.returncode == 0, done.stderr
        if way == "webhook":
            assert done.stdout == f"webhook: sent: 204 from https://localhost:{peers.hook.port}\n"
            assert [document["state"] for _, _, document in peers.hook.posts] == ["test"]
            return
        box = peers.smtps if way == "smtps" else peers.mailbox
        assert done.stdout == f"mail: sent: taken by {way}://localhost:{box.port}\n"
        mail, = box.mails
        assert "Subject: [mast] test\r\n" in mail
        # The login and all that follows goes over TLS.
        assert [line.split()[0] for is_secret, line in box.said if not is_secret] == (
            [] if way == "smtps" else ["EHLO", "STARTTLS"])
        said = [line for is_secret, line in box.said if is_secret]
        assert any(PROOF in line for line in said), said
        assert "MAIL FROM:<mast@radio.example>" in said[-4], said


@pytest.mark.parametrize("way", ["webhook", "smtp", "smtps"])
@pytest.mark.parametrize("shown", BAD)
def test_who_shows_a_bad_certificate_is_told_nothing(make_mast, authority, way, shown):
    made, why = BAD[shown]
    with Peers(authority.server(**made)) as peers:
        station = make_mast(peers.options(way, **trusting(authority)))
        done = alarm_test(station)
        assert done.returncode == 1 and done.stdout == ""
        kind = "webhook" if way == "webhook" else "mail"
        assert done.stderr.startswith(f"{kind}: not sent: "), done.stderr
        assert why in done.stderr and "://localhost:" in done.stderr, done.stderr
        peers.assert_nothing_was_told()


@pytest.mark.parametrize("way", ["webhook", "smtp", "smtps"])
def test_an_authority_that_nobody_named_is_not_trusted(make_mast, authority, way):
    with Peers(authority.server()) as peers:
        done = alarm_test(make_mast(peers.options(way)))
        assert done.returncode == 1
        assert "unable to get local issuer certificate" in done.stderr
        peers.assert_nothing_was_told()


def test_a_file_of_authorities_that_is_not_there_is_named(make_mast, authority):
    with Peers(authority.server()) as peers:
        done = alarm_test(make_mast(peers.options("webhook", alarm_ca_file='"/nowhere/ca.pem"')))
        assert done.returncode == 1
        assert "/nowhere/ca.pem" in done.stderr
        peers.assert_nothing_was_told()


def test_a_password_does_not_go_to_a_server_without_tls(make_mast, mailbox):
    station = make_mast(by_mail(mailbox, **LOGIN))
    done = alarm_test(station)
    assert done.returncode == 1 and "mail: not sent: " in done.stderr
    assert mailbox.mails == []
    assert {line.split()[0] for _, line in mailbox.said} <= {"EHLO", "HELO", "QUIT"}


def test_without_a_password_a_home_made_certificate_is_better_than_nothing(make_mast, authority):
    """A relay in the same house: what it shows is not asked for, but nobody reads along."""
    with Peers(authority.server(self_signed=True)) as peers:
        station = make_mast(by_mail(peers.mailbox))
        assert alarm_test(station).returncode == 0
        assert len(peers.mailbox.mails) == 1
        assert {line.split()[0] for is_secret, line in peers.mailbox.said if not is_secret} == {
            "EHLO", "STARTTLS"}


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
