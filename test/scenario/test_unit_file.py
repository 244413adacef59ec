"""dist/mast.service: under what it allows, and not more, the station does all that it can do."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib import confine, ears, judge, scene, sound, sources, tls
from lib.alarms import Hook, alarm_test, by_hook
from lib.manager import Manager
from lib.station import BUILD, ROOT, Station, wait_for

UNIT = ROOT / "dist" / "mast.service"
CONFINE = ["/usr/bin/python3", str(pathlib.Path(confine.__file__)), str(UNIT)]
RENDITIONS = [{"slug": "mp3-128", "codec": "mp3", "bitrate": 128000},
              {"slug": "aac-96", "codec": "aac", "bitrate": 96000},
              {"slug": "opus-96", "codec": "opus", "bitrate": 96000}]
PATHS = {"mp3": "/wxyz/mp3-128.mp3", "aac": "/wxyz/aac-96.aac", "opus": "/wxyz/opus-96.opus"}
# Whatever is refused says one of these.
COMPLAINTS = ("sandbox: ", "could not be limited", "not permitted", "cannot be raised",
              "could not be started", "could not be told", "not authorised")


def environment():
    """The leak checker stops all threads by ptrace, which no filter of a service lets through."""
    print("detect_leaks=0: in a build with ASan, leaks are not looked for under the filter")
    options = os.environ.get("ASAN_OPTIONS", "")
    return {"ASAN_OPTIONS": f"{options}:detect_leaks=0".lstrip(":")}


def prefix(without=""):
    return [*CONFINE, *(["--without", without] if without else [])]


class Far:
    """Another web server that has a stream for a relay: a tone, for as long as it is asked."""

    def __init__(self):
        self.visits = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self.listener.getsockname()[1]}/far.mp3"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock, contextlib.suppress(OSError):
            sock.recv(4096)
            self.visits += 1
            sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
            while True:
                for seconds, piece in sources.mp3_pieces(sound.clip("mp3", 10, 660)):
                    sock.sendall(piece)
                    time.sleep(seconds)

    def close(self):
        self.listener.close()


def document(far):
    what = scene.document(loop=True, renditions=RENDITIONS)
    what["stations"][0]["sources"].append({"relay": far.url, "private": True, "order": 300})
    return what


def complaints(station):
    return [line for line in station.log_lines() if any(text in line for text in COMPLAINTS)]


def listen_while(station, what):
    """What each codec's listener hears from two seconds before what() until three after it."""
    with contextlib.ExitStack() as stack:
        listeners = {codec: stack.enter_context(ears.Ear(station.port, path, metadata=False).start())
                     for codec, path in PATHS.items()}
        time.sleep(2)
        what()
        counts = {codec: len(ear.sound) for codec, ear in listeners.items()}
        for codec, ear in listeners.items():
            ear.wait_bytes(counts[codec] + 3 * 12000, 30)
        return {codec: bytes(ear.sound) for codec, ear in listeners.items()}


def kill_deck(station):
    before = scene.deck(station)
    os.kill(before, signal.SIGKILL)
    scene.deck(station, other_than=before, seconds=40)


def assert_does_all_it_can(station, far, hook, folder):
    """On the air in three codecs, through a deck's death; a relay, an alarm, status, a reload."""
    with scene.send(folder, station.port, "live"):
        scene.wait_switch(station, "/wxyz", 60)
        time.sleep(3.5)  # all of a burst is its sound
        for codec, data in listen_while(station, lambda: kill_deck(station)).items():
            pcm = judge.decode(data, codec)
            assert judge.names(judge.heard(pcm, scene.TONES)) == ["live"], codec
            assert judge.longest_hole_ms(pcm) == 0, codec
        wait_for(lambda: far.visits > 0, 20, why="the relay did not fetch")
        done = alarm_test(station)
        assert done.returncode == 0, done.stderr
        assert hook.states("test") == ["test"]
        os.kill(station.pid, signal.SIGHUP)
        wait_for(lambda: station.log_lines("reload"), 20, why="it was not reloaded")
        told = json.loads(station.run("status", "--json", "-c", station.config).stdout)
        assert told["stations"][0]["air"]["input"] == "/wxyz", told


# ---- the unit as systemd reads it


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    copy = tmp_path / "mast.service"
    text = UNIT.read_text()
    assert "\nExecStart=mast serve " in text
    copy.write_text(text.replace("\nExecStart=mast ", f"\nExecStart={BUILD}/src/mast "))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy],
                          capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_the_unit_lays_open_is_rated_as_little():
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           "--threshold=20", str(UNIT)],
                          capture_output=True, text=True, timeout=60, check=False)
    rating = re.search(r"Overall exposure level for mast.service: (\S+) (\S+)", done.stdout)
    assert rating and done.returncode == 0, done.stdout + done.stderr
    print(f"exposure: {rating[1]} {rating[2]}")


# ---- the station under it


@pytest.fixture
def far():
    made = Far()
    yield made
    made.close()


def test_under_the_unit_the_station_does_all_it_can(make_mast, tmp_path, far):
    authority = tls.Authority(tmp_path / "authority")
    manager, hook = Manager(tmp_path), Hook(context=authority.server())
    try:
        station = make_mast(
            by_hook(hook, alarm_ca_file=f'"{authority.file}"'), prefix=prefix(),
            env={**environment(), "NOTIFY_SOCKET": manager.path,
                                "WATCHDOG_USEC": "3000000"}, what=document(far))
        wait_for(lambda: "READY=1" in manager.heard, why="it did not say that it is ready")
        assert_does_all_it_can(station, far, hook, tmp_path)
        station.stop()
        assert complaints(station) == []
        told = [text for text in manager.heard if not text.startswith(("STATUS=", "WATCHDOG="))]
        assert told == ["READY=1", "STOPPING=1"]
        assert "WATCHDOG=1" in manager.heard
    finally:
        hook.close()


def test_under_the_unit_a_deck_can_have_threads(tmp_path):
    """FFmpeg makes some where a codec asks for them; the deck's own sandbox stands on the unit's."""
    done = subprocess.run([*prefix(), str(BUILD / "deck" / "mast-deck"), "--prove"],
                          env={**os.environ, **environment()}, cwd=tmp_path,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "thread: allowed" in done.stdout.splitlines()


REFUSED = ("add_key", "io_uring_setup", "kcmp", "msgget", "mlockall", "process_vm_readv", "ptrace",
           "setuid", "splice", "unshare", "userfaultfd")
ATTEMPTS = """
import ctypes, errno, mmap, seccomp, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
for name in sys.argv[1:]:
    ctypes.set_errno(0)
    result = libc.syscall(seccomp.resolve_syscall(seccomp.Arch(), name), 0, 0, 0, 0, 0, 0)
    print(name, errno.errorcode.get(ctypes.get_errno()) if result < 0 else "allowed")
for what in (lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
             lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)):
    try:
        what()
        print("allowed")
    except OSError as fault:
        print(errno.errorcode[fault.errno])
"""


def test_under_the_unit_much_is_refused_that_no_station_needs(tmp_path):
    done = subprocess.run([*prefix(), "/usr/bin/python3", "-c", ATTEMPTS, *REFUSED], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} EPERM" for name in REFUSED] + [
        "EAFNOSUPPORT", "EPERM"]


# ---- and what it needs of it

# Calls that are taken away -> what is said then. Without seccomp(2), libseccomp would take prctl(2).
SAID = {
    "seccomp,prctl": "mast-deck: sandbox: seccomp: ",
    "landlock_create_ruleset": "mast-deck: sandbox: no Landlock here: ",
    "landlock_restrict_self": "mast-deck: sandbox: Landlock: ",
    "setpriority": "it could not be limited: ",
}


@pytest.mark.parametrize("calls", SAID)
def test_a_call_that_is_missing_in_the_filter_is_noticed(make_mast, far, calls):
    station = make_mast(prefix=prefix(calls), env=environment(), what=document(far))
    wait_for(lambda: any(SAID[calls] in line for line in complaints(station)), 30,
             why=f"nobody noticed that {calls} is not allowed")


def test_without_threads_the_station_does_not_start(tmp_path):
    station = Station(tmp_path, prefix=prefix("clone,clone3"), env=environment())
    try:
        with pytest.raises(AssertionError, match="mast ended at its start"):
            station.start()
    finally:
        station.end()
