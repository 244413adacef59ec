"""Hears the second of the day that the demonstration's music tells of itself (deck/timecode.h).

A burst begins with each second of station time: eight tones of 20 ms, each one of sixteen. What the
codecs and the music do to them is evened out by comparing each tone with what the same frequency
does around it.
"""
import numpy as np

SYMBOLS = 8
SYMBOL_S = 0.02
TONES_HZ = 2400 + 200 * np.arange(16)
HOP_S = 0.005
DAY_S = 86400
SHARE = 0.02  # of the loudest tone's power; 5 ms off, the next one has a hundredth
SURE = 1.8  # how far, on average, a tone must stand out against the next best (ln of power)


def _powers(samples, rate):
    """Power of each tone in windows of one symbol, one each HOP_S."""
    window = round(SYMBOL_S * rate)
    hop = HOP_S * rate
    count = max(0, int((len(samples) - window) / hop) + 1)
    starts = np.round(np.arange(count) * hop).astype(int)
    at = np.arange(window) / rate
    shape = np.hanning(window)
    wave = (np.exp(-2j * np.pi * np.outer(at, TONES_HZ)) * shape[:, None]).astype(np.complex64)
    powers = np.empty((count, len(TONES_HZ)), np.float32)
    views = np.lib.stride_tricks.sliding_window_view(samples, window) if count else None
    for i in range(0, count, 512):
        powers[i:i + 512] = np.abs(views[starts[i:i + 512]] @ wave) ** 2
    return powers + 1e-9 * window ** 2 * 1e-3


def _words(powers, start):
    """The word that a burst beginning at each of the windows `start` would be, and how surely."""
    per = round(SYMBOL_S / HOP_S)
    word = np.zeros(len(start), np.int64)
    margin = np.zeros(len(start))
    for i in range(SYMBOLS):
        here = np.log(powers[start + i * per])
        order = np.sort(here, axis=1)
        margin += np.minimum(order[:, -1] - order[:, -2], 4) / SYMBOLS
        word = word << 4 | (np.argmax(here, axis=1) - 5 * i) % 16
    return word, margin


def find(samples, rate):
    """Every burst in `samples` (mono, or frames x channels; any number type).

    Returns [(position in seconds at which it begins, second of the day), ...], in order.
    """
    samples = np.asarray(samples)
    if samples.dtype.kind == "i":
        samples = samples / float(np.iinfo(samples.dtype).max)
    if samples.ndim == 2:
        samples = samples.mean(axis=1)
    powers = _powers(samples.astype(np.float32), rate)
    per = round(SYMBOL_S / HOP_S)
    starts = np.arange(max(0, len(powers) - per * (SYMBOLS - 1)))
    if len(starts) == 0:
        return []
    # What a frequency does all the time is music: in each half second it is measured against that.
    around = np.empty_like(powers)
    for i in range(0, len(powers), 100):
        around[i:i + 100] = np.median(powers[max(0, i - 100):i + 200], axis=0)
    # Where two tones share a window, the fainter one must not win for being rare.
    floor = SHARE * powers.max(axis=1, keepdims=True)
    word, margin = _words(powers / (around + np.median(around) + floor), starts)
    second = word >> 15
    check = ((second * 0x9E3779B1) & 0xFFFFFFFF) >> 17
    good = np.flatnonzero((word & 0x7FFF == check) & (second < DAY_S) & (margin > SURE))
    found = []
    i = 0
    while i < len(good):
        j = i
        while j + 1 < len(good) and second[good[j + 1]] == second[good[i]] and \
                good[j + 1] - good[j] <= 3:
            j += 1
        run = good[i:j + 1]
        if len(run) >= 2:
            weight = margin[run] - SURE + 0.01
            found.append((float((run * weight).sum() / weight.sum() * HOP_S),
                          int(second[good[i]]), margin[run].max()))
        i = j + 1
    # A burst that is read some tones too early or late can look like another one, but less surely.
    return [(at, second) for at, second, sure in found
            if all(sure >= other for near, _, other in found if abs(near - at) < 0.5)]
