"""The time code in the demonstration's music: written by a real mast-deck, read by lib/timecode.py."""
import subprocess

import numpy as np
import pytest

from lib import timecode
from lib.station import BUILD

DECK = BUILD / "deck" / "mast-deck"
DRIVER = BUILD / "test" / "bench" / "bench-deck"
START_S = 1795000000 % timecode.DAY_S  # bench-deck's first second
SECONDS = 12
OUTPUTS = {
    "0.mp3": "mp3:128000:48000:2",
    "1.aac": "aac:96000:48000:2",
    "2.aac": "aac:48000:48000:1",
    "3.opus": "opus:96000:48000:2",
}
OPUS_LEAD_S = 0.08  # what a decoder drops at the start of an Opus stream

needs_deck = pytest.mark.skipif(not DRIVER.exists() or not DECK.exists(), reason="no mast-deck")


def encode(folder, bed, seconds, *more, suffixes=tuple(OUTPUTS)):
    outputs = [part for suffix in suffixes for part in ("--output", OUTPUTS[suffix])]
    subprocess.run([DRIVER, "--deck", DECK, "--bed", bed, "--seconds", str(seconds), *outputs,
                    "--write", folder / f"{bed}-", *more], check=True, timeout=120,
                   capture_output=True)


def decode(path, rate=48000, channels=1):
    raw = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-i", path, "-f", "s16le",
                          "-ac", str(channels), "-ar", str(rate), "-"], check=True, timeout=60,
                         capture_output=True).stdout
    samples = np.frombuffer(raw, np.int16)
    return samples.reshape(-1, channels) if channels > 1 else samples


@pytest.fixture(scope="module")
def beds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beds")
    for bed in ("news", "classical", "plain"):
        encode(folder, bed, SECONDS)
    return folder


@needs_deck
@pytest.mark.parametrize("bed", ["news", "classical", "plain"])
@pytest.mark.parametrize("suffix", list(OUTPUTS))
def test_every_second_is_heard_through_every_codec_where_it_is(beds, bed, suffix):
    found = timecode.find(decode(beds / f"{bed}-{suffix}"), 48000)
    lead = OPUS_LEAD_S if suffix.endswith("opus") else 0
    off = [at + lead - (second - START_S) for at, second in found]
    seconds = [second - START_S for _, second in found]
    assert max(abs(x) for x in off) < 0.02
    first = 1 if lead else 0
    assert seconds == list(range(first, first + len(seconds))) and len(seconds) >= SECONDS - 2


@needs_deck
@pytest.mark.parametrize("bed", ["news", "classical"])
def test_in_a_past_that_was_made_quickly_no_second_is_missing_or_told_twice(tmp_path, bed):
    """Over two rounds of the bed, most frames of which are those of the first one."""
    suffixes = ["0.mp3", "1.aac", "2.aac"]
    encode(tmp_path, bed, 110, "--quick", suffixes=suffixes)
    for suffix in suffixes:
        found = timecode.find(decode(tmp_path / f"{bed}-{suffix}"), 48000)
        assert [second - START_S for _, second in found] == list(range(len(found)))
        assert len(found) >= 109
        assert all(abs(at - (second - START_S)) < 0.02 for at, second in found)


@needs_deck
def test_any_rate_and_number_of_channels_will_do(beds):
    for rate, channels in ((44100, 2), (22050, 1), (32000, 2)):
        samples = decode(beds / "news-0.mp3", rate, channels)[rate // 3:]
        found = timecode.find(samples, rate)
        assert len(found) >= SECONDS - 2
        assert all(abs(at + 1 / 3 - (second - START_S)) < 0.02 for at, second in found)


@needs_deck
def test_music_without_the_code_tells_nothing(tmp_path):
    for bed in ("news", "classical", "plain"):
        encode(tmp_path, bed, 60, "--no-code", "--quick", suffixes=["0.mp3"])
        assert timecode.find(decode(tmp_path / f"{bed}-0.mp3"), 48000) == []


def test_noise_tones_and_silence_tell_nothing():
    rng = np.random.default_rng(1)
    at = np.arange(60 * 48000) / 48000
    tones = sum(np.sin(2 * np.pi * hz * at) for hz in (440, 2400, 3600, 5000))
    warble = np.sin(2 * np.pi * 3500 * at + 40 * np.sin(2 * np.pi * 3 * at))
    for samples in (rng.normal(size=len(at)) * 0.1, tones * 0.1, warble * 0.3,
                    warble * 0.1 + rng.normal(size=len(at)) * 0.05, at * 0):
        assert timecode.find(samples, 48000) == []
    assert timecode.find(np.zeros(100), 48000) == []
