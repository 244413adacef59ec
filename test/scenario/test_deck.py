"""The deck: whatever a source sends becomes the station's renditions, and its death is heard by
nobody."""
import os
import shutil
import signal
import threading

import pytest

from lib import ears, judge, sound, sources, station as stations
from lib.scene import (KEYS, MOUNTS, TONES, assert_no_dead_air, deck, ledger, logged, stage,
                       switches, wait_switch, wave)
from lib.station import wait_for


def deaths(station):
    return [line["why"] for line in ledger(station, "deck")]


def kill_deck(station, before, number=signal.SIGKILL):
    """Ends the station's deck and waits until the tape goes on. `before`: how many died."""
    pid = deck(station)
    os.kill(pid, number)
    wait_for(lambda: sum(line["what"] == "deck" for line in logged(station)) > before, 10,
             why="its death was not noticed")
    deck(station, other_than=pid, seconds=40)
    with ears.Ear(station.port, metadata=False) as ear:
        # More than the burst and what was on the tape: some of it is new.
        ear.start().wait_seconds(4, seconds=20)


# ---- it dies


@pytest.mark.quick
def test_a_deck_that_is_killed_is_heard_by_nobody(make_mast, tmp_path):
    with stage(make_mast, tmp_path) as s:
        kill_deck(s.station, 0)
        s.play(4)
        assert_no_dead_air(s)
        assert judge.names(s.heard()) == ["live"]
        assert switches(s.station) == []
        assert deaths(s.station) == ["it died"]


def test_a_deck_that_is_killed_ten_times_is_heard_by_nobody(make_mast, tmp_path):
    """Three deaths with one input on the air bar it, so what is heard goes on to the next; and each
    new deck is waited for longer, while the loop plays without one, until one lasts ten seconds."""
    with stage(make_mast, tmp_path) as s:
        for i in range(10):
            kill_deck(s.station, i)
            s.play(11 if i == 4 else 0)
        s.play(3)
        assert_no_dead_air(s)
        names = judge.names(s.heard(hole_ms=60))
        assert names[0] == "live" and "backup" in names and names[-1] == "loop", names
        assert set(names) == set(TONES), names
        assert [line["to"] for line in ledger(s.station, "switch")] == ["/wxyz", "/backup", "loop"]
        assert len(deaths(s.station)) == 10


@pytest.mark.slow
def test_a_deck_that_is_killed_every_31_seconds_keeps_its_input(make_mast, tmp_path):
    with stage(make_mast, tmp_path) as s:
        for i in range(10):
            kill_deck(s.station, i)
            s.play(31)
        assert_no_dead_air(s)
        assert judge.names(s.heard()) == ["live"]
        assert switches(s.station) == []


def test_three_deaths_bar_the_input_that_was_on_the_air(make_mast, tmp_path):
    with stage(make_mast, tmp_path) as s:
        for i in range(3):
            kill_deck(s.station, i)
            s.play(1)
        wait_switch(s.station, "/backup")
        s.play(6)
        assert_no_dead_air(s)
        assert judge.names(s.heard(hole_ms=60)) == ["live", "backup"]
        assert switches(s.station) == [("/wxyz", "/backup", "the deck died of it three times")]
        assert s.children["live"].is_running()


def test_a_deck_that_hangs_is_replaced(make_mast, tmp_path):
    with stage(make_mast, tmp_path) as s:
        kill_deck(s.station, 0, signal.SIGSTOP)
        s.play(4)
        assert_no_dead_air(s)
        # Until it counts as hanging, and the next one is there, the loop may play.
        names = judge.names(s.heard(hole_ms=60))
        assert names[0] == names[-1] == "live" and set(names) <= {"live", "loop"}, names
        assert switches(s.station) == []
        assert deaths(s.station) == ["it hangs"]


class Throttle:
    """Lets a process run for 15 ms of each half second."""

    def __init__(self, pid):
        self.pid = pid
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.is_over.is_set():
                os.kill(self.pid, signal.SIGSTOP)
                self.is_over.wait(0.485)
                os.kill(self.pid, signal.SIGCONT)
                self.is_over.wait(0.015)
        except ProcessLookupError:
            pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


def test_a_deck_that_is_too_slow_is_replaced(make_mast, tmp_path):
    """It never hangs, it only falls ever further behind."""
    with stage(make_mast, tmp_path) as s:
        with Throttle(deck(s.station)):
            wait_for(lambda: deaths(s.station), 60, why="nobody found it too slow")
        s.play(15)
        assert_no_dead_air(s)
        assert judge.names(s.heard(hole_ms=60)) == ["live", "loop", "live"]
        assert switches(s.station) == []
        assert deaths(s.station) == ["it is too slow"]


def test_a_deck_that_hangs_three_times_bars_the_input_that_was_on_the_air(make_mast, tmp_path):
    """A decoder that spins for ever is as bad as one that crashes."""
    with stage(make_mast, tmp_path) as s:
        for i in range(3):
            kill_deck(s.station, i, signal.SIGSTOP)
            s.play(1)
        wait_switch(s.station, "/backup")
        s.play(6)
        assert_no_dead_air(s)
        names = judge.names(s.heard(hole_ms=60))
        assert names[0] == "live" and names[-1] == "backup" and set(names) <= set(TONES), names
        assert switches(s.station) == [("/wxyz", "/backup", "the deck died of it three times")]
        assert deaths(s.station) == ["it hangs"] * 3
        assert s.children["live"].is_running()


# ---- what a source sends ends it

BOMB = b"THIS-ENDS-ANY-DECK"
FRAGILE = f"""#!/usr/bin/python3 -I
# A deck with a fault: the real one behind a socket, until a frame with certain bytes comes by.
import os, select, signal, socket, subprocess, time
here = socket.socket(fileno=3)
there, its = socket.socketpair()
subprocess.Popen(["DECK"], pass_fds=(3,), preexec_fn=lambda: os.dup2(its.fileno(), 3))
its.close()
seen = b""
while True:
    for one in select.select([here, there], [], [])[0]:
        data = one.recv(65536)
        if not data:
            os._exit(0)
        if one is here:
            seen = seen[-{len(BOMB)}:] + data
            if {BOMB!r} in seen:
                WHAT
        (there if one is here else here).sendall(data)
"""
WHATS = {"crash": "os.kill(os.getpid(), signal.SIGSEGV)", "spin": "time.sleep(60)"}


@pytest.fixture
def fragile(tmp_path, monkeypatch):
    """A copy of what was built whose deck can be ended by a source: fragile("crash" or "spin")."""
    def make(what):
        build = tmp_path / "build"
        for folder in ("src", "deck"):
            (build / folder).mkdir(parents=True)
        shutil.copy2(stations.BUILD / "src" / "mast", build / "src" / "mast")
        deck_path = build / "deck" / "mast-deck"
        deck_path.write_text(FRAGILE.replace("DECK", str(stations.BUILD / "deck" / "mast-deck"), 1)
                             .replace("WHAT", WHATS[what]))
        deck_path.chmod(0o755)
        monkeypatch.setattr(stations, "MAST", build / "src" / "mast")
    return make


def bombs(s, name, clean_s):
    """A source whose every fortieth frame is a bomb, once it has sent clean sound."""
    data = sound.cached(
        f"bombs-{TONES[name][0]}.mp3",
        lambda: sound.encode(sound.tone(60, TONES[name][0], 44100), "mp3", rate=44100,
                             options=["-reservoir", "0"]))
    parts = sources.pieces(data, "mp3")[10:]
    for i in range(int(clean_s / parts[0][0]), len(parts), 40):
        length, frame = parts[i]
        parts[i] = (length, frame[:-len(BOMB)] + BOMB)
    source = sources.RawSource(s.station.port, MOUNTS[name], key=KEYS[name])
    source.parts = parts
    return source


@pytest.mark.parametrize("what", WHATS)
def test_a_source_that_ends_the_deck_is_barred_and_another_is_heard(
        make_mast, tmp_path, fragile, what):
    fragile(what)
    with stage(make_mast, tmp_path, at_once=False) as s, bombs(s, "live", 8) as source:
        source.start()
        s.children["live"] = None
        s.begin(listeners=10)
        wait_switch(s.station, "/backup", seconds=40)
        s.play(15)
        assert_no_dead_air(s)
        names = judge.names(s.heard(hole_ms=60))
        assert names[0] == "live" and names[-1] == "backup" and set(names) <= set(TONES), names
        assert switches(s.station) == [("/wxyz", "/backup", "the deck died of it three times")]
        # One that is barred does not come near the deck again.
        assert deaths(s.station) == ["it died" if what == "crash" else "it hangs"] * 3


@pytest.mark.parametrize("what", WHATS)
def test_a_source_that_waits_its_turn_and_ends_the_deck_takes_nobody_with_it(
        make_mast, tmp_path, fragile, what):
    """The deck listens to the next one too: it is that one that is barred."""
    fragile(what)
    with stage(make_mast, tmp_path, at_once=False) as s, bombs(s, "backup", 8) as source:
        s.send("live")
        s.station.wait_on_air()
        source.start()
        s.children["backup"] = None
        s.begin(listeners=10)
        wait_for(lambda: any("mount=/backup" in line and "barred" in line
                             for line in s.station.log_lines("deck")), 90, why="it is not barred")
        s.play(15)
        assert_no_dead_air(s)
        names = judge.names(s.heard(hole_ms=60))
        assert names[0] == names[-1] == "live" and "backup" not in names, names
        assert not any("died" in why for _, _, why in switches(s.station))
        assert deaths(s.station) == ["it died" if what == "crash" else "it hangs"] * 3


# ---- what it takes

SOUND = wave(TONES["live"])
INPUTS = {
    "mp3": {"codec": "mp3"},
    "mp3-mono-22050": {"codec": "mp3", "rate": 22050, "channels": [SOUND],
                       "options": ["-b:a", "48k"]},
    "aac": {"codec": "aac"},
    "aac-mono-32000": {"codec": "aac", "rate": 32000, "channels": [SOUND],
                       "options": ["-b:a", "48k"]},
    "aac-5.1": {"codec": "aac", "channels": [SOUND] * 6, "options": ["-b:a", "256k"]},
    "opus": {"codec": "opus"},
    "opus-mono": {"codec": "opus", "channels": [SOUND]},
    "vorbis": {"codec": "vorbis"},
    "vorbis-48000": {"codec": "vorbis", "rate": 48000},
    "flac": {"codec": "flac"},
    "flac-24-bits-96000": {"codec": "flac", "rate": 96000, "options": ["-sample_fmt", "s32"]},
    "flac-192000": {"codec": "flac", "rate": 192000},
    "flac-24-bits-192000": {"codec": "flac", "rate": 192000, "options": ["-sample_fmt", "s32"]},
    "flac-7.1": {"codec": "flac", "rate": 48000, "channels": [SOUND] * 8},
}
TOO_MUCH = {
    "opus-5.1": ({"codec": "opus", "channels": [SOUND] * 6,
                  "options": ["-b:a", "256k", "-mapping_family", "1"]},
                 "Opus with a channel mapping that is not mono or stereo"),
    # A frame of it is larger than a page of Ogg can be.
    "flac-7.1-24-bits-192000": ({"codec": "flac", "rate": 192000, "channels": [SOUND] * 8,
                                 "options": ["-sample_fmt", "s32"]},
                                "what it sends is not the sound that it announced"),
}


@pytest.mark.parametrize("what", INPUTS)
def test_an_input_comes_out_as_mp3_and_aac(make_mast, tmp_path, what):
    with stage(make_mast, tmp_path, at_once=False) as s:
        s.send("live", **INPUTS[what])
        s.begin(both=False, listeners=10)
        s.play(3)
        assert_no_dead_air(s)
        assert judge.names(s.heard()) == ["live"]
        for _, pcm in s.crowd.decoded(1):
            levels = judge.levels_db(pcm)[50:]
            assert levels.min() > -25 and levels.max() < -3, (levels.min(), levels.max())
        assert switches(s.station) == [] and deaths(s.station) == []


@pytest.mark.parametrize("what", TOO_MUCH)
def test_an_input_that_is_too_much_is_told_so_and_another_is_heard(make_mast, tmp_path, what):
    sender, why = TOO_MUCH[what]
    with stage(make_mast, tmp_path, at_once=False) as s:
        s.send("backup")
        s.station.wait_on_air()
        s.send("live", **sender)
        s.begin(listeners=10)
        s.play(2)
        assert_no_dead_air(s)
        assert judge.names(s.heard()) == ["backup"]
        assert any(why in line for line in s.station.log_lines("source_bad"))
        assert switches(s.station) == [] and deaths(s.station) == []
