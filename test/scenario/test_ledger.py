"""What outlives the program: the dead-air ledger of each station, and its loop."""
import json
import os
import shutil
import signal
import time

import pytest

from lib import ears, judge, station as stations
from lib.scene import TONES, document, ledger, logged, loop_file, send, wait_switch
from lib.station import wait_for

STOPPED = "mast was stopped"


def kept(station):
    """The lines of the ledger's file."""
    path = station.data / "air" / "wxyz.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_kept(station, count):
    wait_for(lambda: len(kept(station)) >= count, why=f"no {count} lines on disk")


@pytest.fixture
def sends(tmp_path):
    """Starts encoders and ends them."""
    children = []

    def start(station, name="live"):
        children.append(send(tmp_path, station.port, name))
        station.wait_on_air()
        return children[-1]

    yield start
    for child in children:
        child.stop()


# ---- the ledger


@pytest.mark.quick
def test_the_ledger_outlives_a_crash_and_a_stop(make_mast, sends):
    station = make_mast(what=document())
    live = sends(station)
    sends(station, "backup")
    os.kill(live.process.pid, signal.SIGKILL)
    wait_switch(station, "/backup")
    before = ledger(station)
    time.sleep(1.5)  # so that sound of the backup is on the tape
    wait_kept(station, len(before))
    assert kept(station) == before, "a line on disk is not what is told of it"
    station.kill()
    station.start()
    told = ledger(station)
    start = told.pop()
    assert told == before
    assert start["what"] == "start" and start["from"] == start["to"] == ""
    begin, _, end = start["why"].partition(", its sound ended at ")
    assert begin == "mast started; it had not been stopped"
    assert before[-1]["at"] < end < start["at"]
    shown = station.run("status", "-c", station.config).stdout
    assert f"{start['at']}  start   mast started; it had not" in shown
    assert f"{before[0]['at']}  switch  nothing -> /wxyz: " in shown
    # What is remembered is not said again in the log.
    assert logged(station) == [*before, start]
    wait_kept(station, len(before) + 1)
    station.stop()
    station.start()
    told = ledger(station)
    assert [line["why"] for line in told[-2:]] == [STOPPED, "mast started"]
    sends(station)
    wait_switch(station, "/wxyz", count=2)
    text = station.get("/-/air/wxyz?n=2").text
    assert "switch  nothing -> /wxyz: " in text and "start   mast started\n" in text
    assert STOPPED not in text and STOPPED in station.get("/-/air/wxyz").text
    assert station.get("/-/air/wxyz?n=x").status == 400


def test_a_damaged_ledger_is_said_and_read_as_far_as_it_goes(make_mast, sends):
    station = make_mast(what=document())
    sends(station)
    wait_kept(station, 1)
    station.stop()
    path = station.data / "air" / "wxyz.jsonl"
    good = path.read_bytes()
    path.write_bytes(b"\x00\x80 no line\n{}\n" + good + b'{"what":"switch","at":"2026-')
    station.start()
    assert [line["what"] for line in ledger(station)] == [
        "switch", *(["switch"] if b'"to":""' in good else []), "stop", "start"]
    said = station.log_lines("ledger")
    assert len(said) == 2, said
    assert "a torn last line was cut off" in said[0] and "lines=2" in said[1]
    wait_for(lambda: path.read_bytes().endswith(b'"why":"mast started"}\n'))
    assert path.read_bytes().startswith(b"\x00\x80 no line\n{}\n" + good)


def test_a_ledger_of_a_megabyte_makes_room_for_a_new_one(make_mast):
    station = make_mast(what=document())
    station.stop()
    path = station.data / "air" / "wxyz.jsonl"
    line = ('{"what":"switch","at":"2026-01-01T00:00:00.000Z","from":"/wxyz","to":"/backup",'
            '"why":"it left"}\n')
    path.write_text(line * (1048576 // len(line)))
    station.start()
    old = path.with_suffix(".1.jsonl")
    wait_for(old.exists)
    wait_for(path.exists)
    assert old.read_text() == line * (1048576 // len(line))
    assert [one["what"] for one in kept(station)] == ["start"]
    station.stop()
    station.start()
    assert [one["what"] for one in ledger(station)] == ["switch"] * 17 + ["start", "stop", "start"]


def test_a_ledger_that_cannot_be_written_is_said_once_and_sound_goes_on(make_mast, sends):
    station = make_mast(what=document())
    folder = station.data / "air"
    assert not folder.exists()
    folder.write_text("in the way")
    live = sends(station)
    sends(station, "backup")
    os.kill(live.process.pid, signal.SIGKILL)
    wait_switch(station, "/backup")
    time.sleep(2.5)  # it is tried again and again
    assert station.is_on_air()
    said = station.log_lines("ledger")
    assert len(said) == 1 and "cannot be written, sound goes on" in said[0], said
    folder.unlink()
    wait_kept(station, 2)
    wait_for(lambda: kept(station) == ledger(station))
    said = station.log_lines("ledger")
    assert len(said) == 2 and "is written again" in said[1], said


# ---- the loop


@pytest.fixture
def own_mast(tmp_path, monkeypatch):
    """A copy of what was built, whose deck may be taken away; returns the deck's path."""
    build = tmp_path / "build"
    for name in ("src/mast", "deck/mast-deck"):
        (build / name).parent.mkdir(parents=True)
        shutil.copy2(stations.BUILD / name, build / name)
    monkeypatch.setattr(stations, "MAST", build / "src" / "mast")
    return build / "deck" / "mast-deck"


def loops(station):
    return sorted(path.name for path in (station.data / "loop" / "wxyz").glob("*.loop"))


def wait_loops(station):
    wait_for(lambda: loops(station) == ["aac-96.loop", "mp3-128.loop"], 30, why="no loop was kept")


def is_kept_loop_used(station):
    return "its loop was kept and plays again" in station.log_text()


def hear_loop(station, seconds=6):
    """Somebody comes to listen and hears the loop alone, without a hole."""
    with ears.Ear(station.port, metadata=False) as ear:
        ear.start().wait_seconds(seconds, seconds=seconds + 10)
    pcm = judge.decode(ear.sound)
    assert judge.holes(pcm) == []
    assert judge.names(judge.heard(pcm, TONES)) == ["loop"]


@pytest.mark.quick
@pytest.mark.parametrize("deck", ["is-not-there", "dies-at-once"])
def test_a_station_without_sources_and_deck_plays_its_loop_after_a_restart(
        own_mast, make_mast, sends, tmp_path, deck):
    station = make_mast(what=document(loop=loop_file(tmp_path, 9)))
    live = sends(station)
    wait_loops(station)
    os.kill(live.process.pid, signal.SIGKILL)
    station.stop()
    own_mast.unlink()
    if deck == "dies-at-once":
        own_mast.write_text("#!/bin/false\n")
        own_mast.chmod(0o755)
    log = len(station.log_text())
    time.sleep(2.5)  # what is on the tape counts as sound for 2 s
    began = time.monotonic()
    station.start()
    up = time.monotonic()
    wait_for(station.is_on_air, 5, why="nothing sounds")
    print(f"up after {up - began:.2f} s, on the air {time.monotonic() - up:.2f} s later")
    assert is_kept_loop_used(station)
    assert ("mast-deck is not there" in station.log_text()[log:]) == (deck == "is-not-there")
    hear_loop(station)
    assert ledger(station, "switch")[-1]["to"] == "loop"


def test_a_loop_that_was_kept_needs_no_deck_of_its_own_and_outlives_its_file(
        make_mast, sends, tmp_path):
    path = loop_file(tmp_path, 9)
    station = make_mast(what=document(loop=path))
    live = sends(station)
    wait_loops(station)
    os.kill(live.process.pid, signal.SIGKILL)
    station.stop()
    log = len(station.log_text())
    os.unlink(path)
    station.start()
    wait_for(station.is_on_air, 10, why="nothing sounds")
    hear_loop(station)
    text = station.log_text()[log:]
    assert 'child="deck of the loops"' not in text
    assert text.count("the file of its loop is gone") == 1


@pytest.mark.parametrize("what", ["torn", "damaged", "of-another-file", "of-another-bit-rate"])
def test_a_loop_that_is_of_no_use_is_made_anew(make_mast, sends, tmp_path, what):
    path = loop_file(tmp_path, 9)
    station = make_mast(what=document(loop=path))
    live = sends(station)
    wait_loops(station)
    os.kill(live.process.pid, signal.SIGKILL)
    file = station.data / "loop" / "wxyz" / "mp3-128.loop"
    if what == "of-another-bit-rate":
        changed = document(loop=path)
        changed["stations"][0]["renditions"][0]["bitrate"] = 96000
        before = file.read_bytes()
        station.apply(changed)
        wait_for(lambda: file.read_bytes() != before, why="no new loop was kept")
    good = file.read_bytes()
    station.stop()
    if what == "torn":
        file.write_bytes(good[:5000])
    elif what == "damaged":
        file.write_bytes(good[:5000] + b"x" + good[5001:])
    elif what == "of-another-file":
        os.utime(path, (1, 1))
    before = file.stat().st_ino
    station.start()
    if what == "of-another-bit-rate":  # it is what was made when the rendition changed
        wait_for(lambda: is_kept_loop_used(station))
        return
    wait_for(lambda: file.stat().st_ino != before, 30, why="it was not made anew")
    assert file.read_bytes()[56:-8] == good[56:-8], "another sound than before"
    assert not is_kept_loop_used(station)
    said = [line for line in station.log_lines("loop") if "is of no use" in line]
    assert len(said) == (0 if what == "of-another-file" else 1), said
    wait_for(station.is_on_air, 30, why="nothing sounds")
    hear_loop(station)
