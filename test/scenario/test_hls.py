"""HLS: a live playlist, its segments from RAM and from disk, and what is asked for wrongly."""
import gzip
import re
import time

import pytest

from lib import sound
from lib.sources import tone_source
from lib.station import document, wait_for

LIVE = "/hls/wxyz/aac-96/live.m3u8"


def numbers(text):
    return [int(n) for n in re.findall(r"^(\d+)\.m4s$", text, re.M)]


def listed(station, count):
    """The live playlist once it has so many segments."""
    def look():
        answer = station.get(LIVE)
        return answer.text if answer.status == 200 and len(numbers(answer.text)) >= count else None
    return wait_for(look, 60, why=f"there are no {count} segments")


@pytest.mark.quick
def test_a_station_without_sound_has_nothing_to_list_and_lives_on(make_mast):
    station = make_mast()
    station.apply(document())
    time.sleep(1)  # the lister has looked at it by then, several times
    for path in (LIVE, "/hls/wxyz/master.m3u8", "/hls/wxyz/aac-96/299226000.m4s"):
        answer = station.get(path)
        assert (answer.status, answer.text) == (503, "there is nothing to play yet\n"), path
    assert station.get("/hls/none/master.m3u8").status == 404
    assert station.get("/hls/wxyz/mp3-128/live.m3u8").status == 404


def test_a_live_playlist_and_its_segments(make_mast):
    station = make_mast()
    station.apply(document())
    with tone_source(station.port, hz=440.0, codec="aac", ahead_s=2.0) as source:
        source.start()
        text = listed(station, 2)
        answer = station.get(LIVE, {"Accept-Encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(answer.body).startswith(b"#EXTM3U\n")
        assert answer.headers["cache-control"] == "max-age=2"
        ns = numbers(text)
        assert ns == list(range(ns[0], ns[0] + len(ns)))
        assert abs(ns[-1] * 6 - time.time()) < 20
        init = station.get("/hls/wxyz/aac-96/" + re.search(r'MAP:URI="([^"]+)"', text)[1])
        parts = [station.get(f"/hls/wxyz/aac-96/{n}.m4s") for n in ns]
        assert {part.headers["cache-control"] for part in parts} == {
            "max-age=31536000, immutable"}
        heard = sound.decode(init.body + b"".join(part.body for part in parts))
        assert abs(sound.pitch_hz(heard) - 440) < 3
        began = time.monotonic()
        waited = station.get(f"{LIVE}?_HLS_msn={ns[-1] + 2}")
        assert numbers(waited.text)[-1] >= ns[-1] + 2 and time.monotonic() - began < 13
        for path, status in {f"{LIVE}?_HLS_msn={ns[-1] + 99}": 400,
                             f"{LIVE}?_HLS_msn=x": 400,
                             "/hls/wxyz/aac-96/7.m4s": 404,
                             f"/hls/wxyz/aac-96/{ns[-1] + 999}.m4s": 404,
                             f"/hls/wxyz/aac-96/{ns[0]}.m4s?e=4": 404,
                             "/hls/wxyz/aac-96/9-3.m3u8": 400,
                             "/hls/wxyz/aac-96/0-86401.m3u8": 400,
                             "/hls/wxyz/aac-96/1-2.m3u8": 404}.items():
            assert station.get(path).status == status, path
        station.kill()
        station.start()
        assert numbers(listed(station, len(ns)))[:len(ns)] == ns
        for n, part in zip(ns, parts):
            assert station.get(f"/hls/wxyz/aac-96/{n}.m4s").body == part.body, n
