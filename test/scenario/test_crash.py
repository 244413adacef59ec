"""kill -9 under a source and listeners: what was recorded stays, and everybody comes back."""
import os
import signal
import time

import pytest

from lib import ears, sound
from lib.sources import code_source, tone_source
from lib.station import wait_for
from test_sources import liquidsoap
from test_time import Recorded, span


def reconnect(station, seconds=10, **options):
    """Logs in as an encoder does that tries again each half second; returns the source and how often
    it was refused by a station that answered."""
    refused, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        source = code_source(station.port, seconds=200, ahead_s=2.0, **options)
        try:
            status = source.login(timeout=5)
        except OSError:
            status = None
        source.stop()
        if status == 100:
            return source, refused
        refused += status is not None
        time.sleep(0.5)
    raise AssertionError("the source did not come back")


@pytest.mark.quick
def test_kill_9_loses_at_most_a_second_of_tape(mast):
    source = code_source(mast.port, seconds=200, ahead_s=2.0)
    source.start()
    tape = Recorded(mast, source)
    listeners = [ears.Ear(mast.port).start() for _ in range(3)]
    time.sleep(13)
    mast.kill()
    killed = time.time()
    source.stop()
    assert all(ear.closed.wait(5) for ear in listeners)
    for ear in listeners:
        ear.stop()
    mast.start()
    oldest, newest = span(mast)
    # The tape's end lies at most 1 s before the kill (and the air writes what is due, not ahead).
    assert killed - newest <= 1.0, f"{killed - newest:.2f} s of tape were lost"
    assert abs(oldest - tape.zero) < 0.3
    for back in (9.0, 5.0, 3.0):
        tape.assert_at(f"{newest - back:.3f}", round(newest - back, 3))


def test_a_source_is_not_refused_after_kill_9(mast):
    for _ in range(3):
        source = tone_source(mast.port)
        source.start()
        mast.wait_on_air()
        time.sleep(1)
        mast.kill()
        source.stop()
        mast.start()
        _, refused = reconnect(mast)
        assert refused == 0, "the station said no to its own source"


def test_a_real_encoder_comes_back_by_its_own_retry(mast, tmp_path):
    with liquidsoap(tmp_path, mast.port) as encoder:
        mast.wait_on_air(seconds=60)
        mast.kill()
        time.sleep(1)
        mast.start()
        wait_for(mast.is_on_air, 30, every=0.5,
                 why=f"liquidsoap did not come back: {encoder.text()[-1500:]}")
        with ears.Ear(mast.port) as ear:
            ear.start().wait_seconds(3)
        assert sound.pitch_hz(sound.decode(bytes(ear.sound))) == pytest.approx(700, abs=6)


def test_ten_kills_in_a_row_leave_a_tape_that_plays(mast):
    for round_ in range(10):
        with tone_source(mast.port, seconds=30) as source:
            source.start()
            mast.wait_on_air()
            # At another moment of the second each time.
            time.sleep(0.7 + 0.23 * round_)
            mast.kill()
        mast.start()
    oldest, newest = span(mast)
    assert newest > oldest
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        time.sleep(3)
        with ears.Ear(mast.port, f"/wxyz.mp3?at={oldest + 0.2:.2f}", metadata=False) as ear:
            ear.start().wait_seconds(8, seconds=40)
    heard = sound.decode(bytes(ear.sound))
    pitches = sound.pitches_hz(heard)
    assert (abs(pitches - 440) < 12).mean() > 0.9, pitches


def test_a_drain_ends_listeners_and_sources_in_good_order(mast):
    with tone_source(mast.port) as source, ears.Ear(mast.port) as ear:
        source.start()
        mast.wait_on_air()
        ear.start().wait_seconds(2)
        began = time.monotonic()
        mast.stop()
        assert time.monotonic() - began < 12
        assert ear.closed.wait(5)


def test_sighup_disturbs_nobody(mast):
    with tone_source(mast.port) as source, ears.Ear(mast.port) as ear:
        source.start()
        mast.wait_on_air()
        time.sleep(3)
        ear.start().wait_seconds(3)
        with open(mast.config, "a", encoding="utf-8") as config:
            config.write("nonsense = {\n")
        os.kill(mast.pid, signal.SIGHUP)
        wait_for(lambda: mast.log_lines("reload"), 5)
        ear.wait_seconds(9)
        assert ears.underruns(ear.arrived_s()) == 0 and not source.is_cut_off()
