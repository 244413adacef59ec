"""Sound that is made, encoded, decoded and judged.

The *time-coded tone* changes its pitch every 100 ms. Which of 17 pitches follows which is a de
Bruijn sequence of differences, so any four steps in a row occur once only in 409 s: from 0.4 s of
received sound a test can tell which moment of the source it hears, to a few milliseconds.
"""
import functools
import hashlib
import pathlib
import subprocess
import tempfile

import numpy as np

RATE = 16000  # Hz of everything that is judged
AMPLITUDE = 0.4

STEP_S = 0.1
PITCHES = 17
LOWEST_HZ = 600.0
SPACING_HZ = 100.0
ORDER = 3  # differences in a row that are unique
CODE_STEPS = 16 ** ORDER

HOP = RATE // 100  # 10 ms


# ---- making


def tone(seconds, hz=440.0, rate=44100):
    t = np.arange(int(seconds * rate)) / rate
    return AMPLITUDE * np.sin(2 * np.pi * hz * t)


@functools.lru_cache(None)
def de_bruijn(alphabet=16, order=ORDER):
    """Every word of `order` letters once, as a cycle."""
    word, sequence = [0] * (alphabet * order), []
    # The concatenation of Lyndon words whose length divides the order (Fredricksen, Kessler,
    # Maiorana); as a loop over the words in order.
    word = [-1]
    while word:
        word[-1] += 1
        if order % len(word) == 0:
            sequence.extend(word)
        length = len(word)
        while len(word) < order:
            word.append(word[len(word) - length])
        while word and word[-1] == alphabet - 1:
            word.pop()
    assert len(sequence) == alphabet ** order
    return sequence


@functools.lru_cache(None)
def code_symbols():
    """The pitch number of each step; neighbours always differ."""
    symbols, now = [], 0
    for difference in de_bruijn():
        symbols.append(now)
        now = (now + 1 + difference) % PITCHES
    return symbols


@functools.lru_cache(None)
def code_table():
    """The steps at which ORDER differences in a row begin."""
    symbols, table = code_symbols(), {}
    for i in range(CODE_STEPS - ORDER):
        table[tuple(symbols[i:i + ORDER + 1])] = table.get(tuple(symbols[i:i + ORDER + 1]), i)
    return table


def time_code(seconds, start_s=0.0, rate=44100):
    """The time-coded tone from start_s on."""
    n = np.arange(int(seconds * rate))
    step = ((n / rate + start_s) / STEP_S + 1e-9).astype(int)
    hz = LOWEST_HZ + SPACING_HZ * np.array(code_symbols())[step]
    return AMPLITUDE * np.sin(2 * np.pi * np.cumsum(hz) / rate)


# ---- encoding and decoding

ENCODERS = {
    "mp3": ["-c:a", "libmp3lame", "-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0",
            "-f", "mp3"],
    "aac": ["-c:a", "aac", "-b:a", "96k", "-f", "adts"],
    "opus": ["-ar", "48000", "-c:a", "libopus", "-b:a", "96k", "-f", "ogg", "-page_duration",
             "200000"],
    "vorbis": ["-c:a", "libvorbis", "-b:a", "96k", "-f", "ogg"],
}
CONTENT_TYPES = {"mp3": "audio/mpeg", "aac": "audio/aac", "opus": "audio/ogg",
                 "vorbis": "audio/ogg"}
FFMPEG = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]


def encode(samples, codec, channels=2, rate=44100, options=()):
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    pcm = np.repeat(pcm[:, None], channels, axis=1).tobytes()
    done = subprocess.run(
        [*FFMPEG, "-f", "s16le", "-ar", str(rate), "-ac", str(channels), "-i", "pipe:0",
         *ENCODERS[codec], *options, "pipe:1"],
        input=pcm, capture_output=True, timeout=120, check=False)
    # -nostdin would keep ffmpeg from reading the pipe only as keys; pipe:0 is read all the same.
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def cached(name, make):
    """Encoded clips are the same for every test and run: made once, kept beside the others."""
    folder = pathlib.Path(tempfile.gettempdir()) / "mast-test-clips"
    folder.mkdir(exist_ok=True)
    own = pathlib.Path(__file__).read_bytes()
    path = folder / f"{name}-{hashlib.sha256(own).hexdigest()[:12]}"
    if not path.exists():
        aside = tempfile.NamedTemporaryFile(dir=folder, delete=False)
        with aside:
            aside.write(make())
        pathlib.Path(aside.name).replace(path)
    return path.read_bytes()


def clip(codec, seconds=30, hz=440.0, rate=44100, channels=2):
    return cached(f"tone-{hz:g}-{seconds:g}-{rate}-{channels}.{codec}",
                  lambda: encode(tone(seconds, hz, rate), codec, channels, rate))


def code_clip(codec, seconds=60):
    return cached(f"code-{seconds:g}.{codec}", lambda: encode(time_code(seconds), codec))


def decode(data, form=None):
    """Encoded bytes to samples of the left channel at RATE; what cannot be decoded is left out, as a player would."""
    if not data:
        return np.zeros(0)
    asked = ["-f", form] if form else []
    done = subprocess.run(
        [*FFMPEG[:-3], "-loglevel", "fatal", *asked, "-i", "pipe:0", "-af", "pan=mono|c0=c0", "-f", "f32le",
         "-ar", str(RATE), "pipe:1"], input=data, capture_output=True, timeout=120, check=False)
    return np.frombuffer(done.stdout[:len(done.stdout) // 4 * 4], "<f4").astype(float)


# ---- judging


def levels_db(samples):
    """dBFS of each 10 ms."""
    windows = samples[:len(samples) // HOP * HOP].reshape(-1, HOP)
    return 10 * np.log10(np.mean(windows ** 2, axis=1) + 1e-12)


def holes_ms(samples, floor_db=-50.0, skip_s=0.0):
    """How many milliseconds in all lie under the floor, `skip_s` at the start not looked at."""
    return 10 * int(np.sum(levels_db(samples[int(skip_s * RATE):]) < floor_db))


def longest_hole_ms(samples, floor_db=-50.0, skip_s=0.0):
    longest = run = 0
    for low in levels_db(samples[int(skip_s * RATE):]) < floor_db:
        run = run + 1 if low else 0
        longest = max(longest, run)
    return 10 * longest


def largest_step(samples):
    """The largest jump from sample to sample: a tone has its own, a click has more."""
    return float(np.max(np.abs(np.diff(samples)))) if len(samples) > 1 else 0.0


def tone_step(hz, amplitude=AMPLITUDE):
    """What largest_step() of a clean tone is."""
    return 2 * amplitude * np.sin(np.pi * hz / RATE)


def pitches_hz(samples, window_s=0.1):
    """The dominant pitch of each window."""
    size = int(window_s * RATE)
    count = len(samples) // size
    windows = samples[:count * size].reshape(count, size) * np.hanning(size)
    spectrum = np.abs(np.fft.rfft(windows, n=8 * size, axis=1))
    return np.argmax(spectrum, axis=1) * RATE / (8 * size)


def pitch_hz(samples):
    """The pitch that most windows have."""
    found = pitches_hz(samples)
    return float(np.median(found)) if len(found) else 0.0


def _steps_heard(samples):
    """Runs of one pitch: (first hop, hops, pitch number)."""
    size = 4 * HOP  # 40 ms windows, every 10 ms
    count = max(0, (len(samples) - size) // HOP + 1)
    if count == 0:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::HOP] * np.hanning(size)
    t = np.arange(size) / RATE
    hz = LOWEST_HZ + SPACING_HZ * np.arange(PITCHES)
    power = np.abs(windows @ np.exp(-2j * np.pi * np.outer(t, hz)))
    best = np.argmax(power, axis=1)
    loud = np.max(power, axis=1) > 0.02 * size / 4
    runs = []
    for hop in range(count):
        pitch = int(best[hop]) if loud[hop] else -1
        if runs and runs[-1][2] == pitch:
            runs[-1][1] += 1
        else:
            runs.append([hop, 1, pitch])
    return runs


def read_code(samples):
    """Where in the time-coded tone the samples are: [(seconds in samples, seconds in the code)],
    one for each four steps that were heard without a break."""
    runs = _steps_heard(samples)
    table, found = code_table(), []
    # A window that lies over a border hears one of its two neighbours: a border is known to 10 ms.
    for i in range(1, len(runs) - ORDER - 1):
        group = runs[i:i + ORDER + 1]
        if any(not 8 <= run[1] <= 12 or run[2] < 0 for run in group):
            continue
        step = table.get(tuple(run[2] for run in group))
        if step is not None:
            # The window that first hears a step has its middle on the border.
            found.append(((group[0][0] * HOP + 2 * HOP) / RATE, step * STEP_S))
    return found


def code_offset(samples):
    """Code time minus sample time, in seconds: the code at the first sample. The median over all
    that was heard; None if nothing was recognised."""
    found = read_code(samples)
    if not found:
        return None
    return float(np.median([code - at for at, code in found]))
