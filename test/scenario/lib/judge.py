"""Judges what a listener received: decoded by ffmpeg to float samples, at the rate and with the
channels that were sent.

    bytes --decode()--> samples --holes(), steps()--> what is wrong
                                --heard()--> what was heard when
    arrivals --reserve()--> how much sound a player had in hand, and how often it ran dry
"""
import collections
import subprocess

import numpy as np

from lib import ears, sources

RATE = 48000  # of the renditions that are judged
WINDOW = RATE // 100
QUIET_DB = -50.0
AMPLITUDE = 0.4  # of each tone that lib/scene.py sends
# The first frames after a join lean on frames that were not received (bit reservoir, overlap).
JOIN_S = 0.15

FORMS = {"mp3": "mp3", "aac": "aac", "opus": "ogg"}


def decode(data, codec="mp3"):
    """Frames x 2 of float samples; what cannot be decoded is left out, as a player would."""
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "fatal", "-f", FORMS[codec], "-i",
         "pipe:0", "-f", "f32le", "-ar", str(RATE), "-ac", "2", "pipe:1"],
        input=bytes(data), capture_output=True, timeout=120, check=False)
    return np.frombuffer(done.stdout[:len(done.stdout) // 8 * 8], "<f4").reshape(-1, 2)


# ---- holes and clicks


def levels_db(pcm):
    """dBFS of each 10 ms, of the softer channel."""
    windows = pcm[:len(pcm) // WINDOW * WINDOW].astype(float).reshape(-1, WINDOW, 2)
    return 10 * np.log10(np.mean(windows ** 2, axis=1).min(axis=1) + 1e-12)


def holes(pcm, skip_s=JOIN_S, floor_db=QUIET_DB):
    """[(second, milliseconds)] of each run of 10 ms windows under the floor on either channel."""
    low = levels_db(pcm) < floor_db
    low[:int(skip_s * 100)] = False
    edges = np.flatnonzero(np.diff(np.concatenate(([0], low.astype(int), [0]))))
    return [(begin / 100, 10 * int(end - begin)) for begin, end in edges.reshape(-1, 2)]


def longest_hole_ms(pcm, **more):
    return max((ms for _, ms in holes(pcm, **more)), default=0)


def step_of(*pitches_hz, amplitude=AMPLITUDE):
    """The largest step from sample to sample that these tones make while one fades into another."""
    own = 2 * amplitude * np.sin(np.pi * np.array(pitches_hz) / RATE)
    fade = amplitude * np.pi / 2 / (0.02 * RATE)
    return float(np.sqrt(np.sum(own ** 2)) + fade)


def steps(pcm, limit, skip_s=JOIN_S):
    """[(second, step)] of steps over the limit, one for each 10 ms."""
    jumps = np.abs(np.diff(pcm[int(skip_s * RATE):].astype(float), axis=0)).max(axis=1)
    found = {}
    for at in np.flatnonzero(jumps > limit):
        window = at // WINDOW
        found[window] = max(found.get(window, 0.0), float(jumps[at]))
    return [(skip_s + window / 100, round(step, 4)) for window, step in sorted(found.items())]


# ---- what was heard when

Run = collections.namedtuple("Run", "name begin end")  # seconds in what was received


def heard(pcm, tones, skip_s=JOIN_S, shortest_s=0.1):
    """What was heard, in order: runs of one of `tones` {name: (pitches in Hz)}, of "?" for another
    sound, of "" for silence. What is shorter than a crossfade and its surroundings is left out."""
    size, hop = RATE // 25, RATE // 100
    left = pcm[int(skip_s * RATE):, 0].astype(float)
    count = max(0, (len(left) - size) // hop + 1)
    if count == 0:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(left, size)[::hop] * np.hanning(size)
    t = np.arange(size) / RATE
    energy = np.mean(windows ** 2, axis=1)
    names = list(tones)
    power = np.zeros((count, len(names)))
    for i, name in enumerate(names):
        wave = np.exp(-2j * np.pi * np.outer(t, np.array(tones[name])))
        power[:, i] = np.sum(np.abs(windows @ wave) ** 2, axis=1)
    # A tone's whole energy shows in its own pitch: 2 |X|^2 / (n sum of the squared window).
    power *= 2 / (size * np.sum(np.hanning(size) ** 2))
    best = np.argmax(power, axis=1)
    share = power[np.arange(count), best] / (energy + 1e-12)
    named = [names[b] if s > 0.5 else "?" for b, s in zip(best, share)]
    named = ["" if e < 1e-6 else name for name, e in zip(named, energy)]
    return _runs(named, skip_s, shortest_s)


def _runs(named, skip_s, shortest_s):
    runs = []
    for i, name in enumerate(named):
        at = skip_s + i / 100
        if runs and runs[-1].name == name:
            runs[-1] = Run(name, runs[-1].begin, at + 0.04)
        else:
            runs.append(Run(name, at, at + 0.04))
    out = []
    for run in runs:
        if run.end - run.begin < shortest_s:
            continue
        if out and out[-1].name == run.name:
            out[-1] = Run(run.name, out[-1].begin, run.end)
        else:
            out.append(run)
    return out


def names(runs):
    return [run.name for run in runs]


# ---- playing out


def arrived_s(data, codec, arrivals):
    """[(time, seconds of sound)] from [(time, bytes in all by then)]: by whole frames."""
    whole = sources.pieces(bytes(data), codec)[:-1]  # the last frame may not have come whole
    ends = np.cumsum([0] + [len(piece) for _, piece in whole])
    seconds = np.cumsum([0.0] + [length for length, _ in whole])
    totals = np.array([total for _, total in arrivals])
    there = seconds[np.searchsorted(ends, totals, side="right") - 1]
    gained = np.diff(there, prepend=0.0)
    return [(when, float(gain)) for (when, _), gain in zip(arrivals, gained)]


def reserve(arrivals, start_after_s=0.5):
    """(how often a player ran dry, the least that it had in hand in seconds)."""
    least, stock, last, playing = float("inf"), 0.0, 0.0, False
    for at, got in arrivals:
        if playing:
            stock -= at - last
            least = min(least, stock)
        last = at
        stock += got
        playing = playing or stock >= start_after_s
    return ears.underruns(arrivals, start_after_s), least
