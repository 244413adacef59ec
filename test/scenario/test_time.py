"""?at=: the tape is played from any of its seconds, exactly."""
import datetime
import re
import time
import zoneinfo

import pytest

from lib import ears, sound, web
from lib.sources import code_source
from lib.station import Station, document, wait_for

ZONE = zoneinfo.ZoneInfo("America/New_York")
NEAR_S = 0.1


class Recorded:
    """A station that has recorded the time-coded tone from .began (Unix seconds) on."""

    def __init__(self, station, source):
        self.station, self.source = station, source
        station.wait_on_air()
        self.zero = self._measure_zero()

    def _measure_zero(self):
        """The Unix time at which the code was 0, from the station's own word about its tape."""
        oldest, _ = span(self.station)
        return oldest - sound.code_offset(sound.decode(sound.code_clip("mp3", 60)))

    def heard_at(self, at, seconds=2.0, path="/wxyz/mp3-128.mp3"):
        """The code (seconds) at the first sample that a listener gets who asks for `at`."""
        with ears.Ear(self.station.port, f"{path}?at={at}", metadata=False) as ear:
            ear.start().wait_seconds(seconds)
        return sound.code_offset(sound.decode(bytes(ear.sound), "mp3"))

    def assert_at(self, at, unix):
        heard = self.heard_at(at)
        assert heard is not None, f"no code was heard at {at}"
        expected = unix - self.zero
        assert abs(heard - expected) <= NEAR_S, f"{at}: code {heard:.3f}, not {expected:.3f}"


def span(station):
    """The oldest and the newest moment of the tape, from the error that names them."""
    answer = station.get("/wxyz/mp3-128.mp3?at=1000000000")
    assert answer.status == 404, answer
    found = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", answer.text)
    assert len(found) == 2, f"the answer does not name two moments: {answer.text!r}"
    return tuple(datetime.datetime.fromisoformat(one.replace("Z", "+00:00")).timestamp()
                 for one in found)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    station = Station(tmp_path_factory.mktemp("recorded"))
    with station.start():
        station.apply(document())
        with code_source(station.port, seconds=200, ahead_s=2.0) as source:
            source.start()
            found = Recorded(station, source)
            time.sleep(22)
            yield found
            assert source.error is None


def test_the_tape_begins_when_the_source_came(recorded):
    oldest, newest = span(recorded.station)
    # The first sound is put down when it comes, not when the source logged in.
    assert abs(oldest - recorded.source.began_unix) < 1.0
    assert abs(newest - time.time()) < 1.5


@pytest.mark.quick
def test_unix_seconds_name_a_moment(recorded):
    now = time.time()
    recorded.assert_at(f"{now - 10:.3f}", round(now - 10, 3))
    recorded.assert_at(int(now - 8), int(now - 8))


def test_iso_with_offset_names_a_moment(recorded):
    at = datetime.datetime.fromtimestamp(int(time.time()) - 9, datetime.timezone.utc)
    plus = at.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    minus = at.astimezone(datetime.timezone(datetime.timedelta(hours=-5)))
    for text in (at.strftime("%Y-%m-%dT%H:%M:%SZ"), plus.isoformat().replace("+", "%2B"),
                 plus.isoformat(),  # a bare plus is a space in a query, and counts as plus
                 minus.isoformat(), at.strftime("%Y-%m-%dT%H:%M:%S.250Z")):
        recorded.assert_at(text, at.timestamp() + (0.25 if ".250" in text else 0))


def test_iso_without_offset_is_in_the_stations_zone(recorded):
    at = datetime.datetime.fromtimestamp(int(time.time()) - 7, ZONE)
    recorded.assert_at(at.strftime("%Y-%m-%dT%H:%M:%S"), at.timestamp())


def test_a_rewound_listener_hears_on_without_a_hole_and_in_real_time(recorded):
    with ears.Ear(recorded.station.port, f"/wxyz.mp3?at={time.time() - 15:.2f}") as ear:
        ear.start().wait_seconds(12)
        took = time.monotonic() - ear.began
        assert 7.5 < took < 11, "past sound comes at the pace of the clock after its burst"
    heard = sound.decode(bytes(ear.sound))
    offsets = [code - at for at, code in sound.read_code(heard)]
    assert max(offsets) - min(offsets) < 0.03
    assert sound.holes_ms(heard, skip_s=0.1) == 0
    assert ears.underruns(ear.arrived_s()) == 0


def test_just_now_is_live(recorded):
    live = recorded.heard_at(f"{time.time() - 0.5:.2f}")
    assert abs(live - (time.time() - recorded.zero)) < 8
    with ears.Ear(recorded.station.port, f"/wxyz.mp3?at={time.time():.2f}") as ear:
        assert ear.open().status == 200


@pytest.mark.quick
def test_before_the_tape_and_the_future_are_404_and_name_what_there_is(recorded):
    began, _ = span(recorded.station)
    for at in ("1000000000", f"{time.time() + 3600:.0f}", "2999-01-01T00:00:00Z",
               f"{began - 30:.0f}"):
        answer = recorded.station.get(f"/wxyz.mp3?at={at}")
        assert answer.status == 404, (at, answer.status)
        assert len(re.findall(r"\d{4}-\d\d-\d\dT", answer.text)) == 2, answer.text


def test_what_is_no_moment_is_400(recorded):
    for at in ("", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "1e9", "-5",
               "2026-11-22T25:00:00Z", "99999999999999999999", "2026-11-22T09:42:10-05:00x",
               "%00", "2026-11-22", "' OR 1=1"):
        at = at.replace(" ", "%20")
        answer = recorded.station.get(f"/wxyz.mp3?at={at}")
        assert answer.status in (400, 404), (at, answer.status)
        assert answer.status == 400 or at in ("-5", "2026-11-22", "1e9"), (at, answer.text)


def test_head_and_playlists_take_a_moment_too(recorded):
    at = f"{time.time() - 8:.0f}"
    assert web.request(recorded.station.port, "HEAD", f"/wxyz.mp3?at={at}").status == 200
    assert web.request(recorded.station.port, "HEAD", "/wxyz.mp3?at=1000000000").status == 404


def test_the_tape_is_played_from_its_files_after_a_restart(tmp_path):
    station = Station(tmp_path)
    with station.start():
        station.apply(document())
        with code_source(station.port, seconds=200, ahead_s=2.0) as source:
            source.start()
            before = Recorded(station, source)
            time.sleep(14)
        station.stop()
        station.start()
        oldest, newest = span(station)
        assert newest - oldest > 12
        for back in (10, 7, 4):
            before.assert_at(f"{newest - back:.3f}", round(newest - back, 3))


def test_in_a_hole_the_next_sound_is_played(mast):
    with code_source(mast.port, seconds=200, ahead_s=2.0) as source:
        source.start()
        first = Recorded(mast, source)
        time.sleep(6)
    _, hole = wait_for(lambda: not mast.is_on_air() and span(mast), 20, every=0.5)
    time.sleep(4)
    with code_source(mast.port, seconds=200, ahead_s=2.0) as source:
        source.start()
        mast.wait_on_air()
        time.sleep(6)
        heard = first.heard_at(f"{hole + 2:.2f}", seconds=2.5)
        assert heard is not None and heard < 0.3, f"code {heard}: not where sound goes on"


@pytest.mark.slow
def test_ten_minutes_ago_sounds_as_it_did(mast):
    with code_source(mast.port, seconds=400, ahead_s=2.0, repeat=True) as source:
        source.start()
        found = Recorded(mast, source)
        time.sleep(630)
        # The clip repeats each 400 s; the code is that of its second round at most.
        at = time.time() - 600
        found.assert_at(f"{at:.3f}", round(at, 3))
