"""A station with a live source and a backup, whose renditions a deck makes, and what happens to
them. Each input has tones of its own, so that a listener's sound tells which one is heard."""
import contextlib
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import time

from lib import judge, sound
from lib.crowd import Crowd
from lib.sources import Child
from lib.station import KEY, OTHER_KEY, wait_for

# One tone is a fault for an input that may not be silent; two at once are none.
TONES = {"live": (440,), "backup": (660,), "loop": (325,)}
CHORDS = {"live": (440, 1130), "backup": (660, 1490), "loop": (325,)}
MOUNTS = {"live": "/wxyz", "backup": "/backup"}
KEYS = {"live": KEY, "backup": OTHER_KEY}


def document(rules=None, may_be_silent=True, loop=False, renditions=None):
    sources = [{"user": "source", "mount": MOUNTS[name], "key": KEYS[name],
                "silence_allowed": may_be_silent} for name in ("live", "backup")]
    return {"stations": [{
        "slug": "wxyz", "name": "WXYZ News",
        "renditions": renditions or [{"slug": "mp3-128", "codec": "mp3", "bitrate": 128000},
                                     {"slug": "aac-96", "codec": "aac", "bitrate": 96000}],
        "sources": sources, "loop": loop, **({"rules": rules} if rules else {})}]}


def loop_file(folder, seconds):
    """A loop of one tone that fits its length (beats of 0.96 s), so that its seam is not heard."""
    path = pathlib.Path(folder) / "loop.flac"
    wave = "{0}*sin(2*PI*{1}*t)".format(judge.AMPLITUDE, *TONES["loop"])
    subprocess.run([*sound.FFMPEG, "-f", "lavfi", "-i",
                    f"aevalsrc={wave}|{wave}:s=48000:d={seconds}", "-c:a", "flac", "-f", "ogg",
                    str(path)], check=True, capture_output=True)
    return str(path)


# ---- who sends

ENCODERS = {
    "mp3": ["-c:a", "libmp3lame", "-b:a", "128k", "-content_type", "audio/mpeg", "-f", "mp3"],
    "aac": ["-c:a", "aac", "-b:a", "128k", "-content_type", "audio/aac", "-f", "adts"],
    "opus": ["-c:a", "libopus", "-b:a", "96k", "-content_type", "audio/ogg", "-f", "ogg"],
    "vorbis": ["-c:a", "libvorbis", "-b:a", "96k", "-content_type", "audio/ogg", "-f", "ogg"],
    "flac": ["-c:a", "flac", "-content_type", "audio/ogg", "-f", "ogg"],
}


def wave(pitches_hz, gate="1"):
    """The expression of a sum of tones; gate: an expression of t that it is multiplied with."""
    each = judge.AMPLITUDE / len(pitches_hz)
    return "(" + "+".join(f"{each}*sin(2*PI*{hz}*t)" for hz in pitches_hz) + f")*({gate})"


def send(folder, port, name="live", codec="mp3", channels=None, rate=44100, seconds=600,
         options=(), through=None):
    """A real ffmpeg that sends in real time; channels: an expression for each; through: another
    port that leads to the station."""
    if channels is None:
        channels = [wave(TONES[name])] * 2
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(channels)]
    rate = 48000 if codec == "opus" else rate
    graph = f"aevalsrc=exprs='{'|'.join(channels)}':s={rate}:c={layout}:d={seconds}"
    return Child(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "info", "-re", "-f", "lavfi",
                  "-i", graph, *ENCODERS[codec], *options,
                  f"icecast://source:{KEYS[name]}@127.0.0.1:{through or port}{MOUNTS[name]}"],
                 folder, name=f"ffmpeg-{name}")


# ---- what the station says of it

LEDGER = re.compile(r"event=switch .*?what=(\S+) at=(\S+) from=(\S+) to=(\S+) why=(\"[^\"]*\"|\S+)")


def logged(station):
    """The lines of the dead-air ledger as they stand in the log, oldest first."""
    lines = [dict(zip(("what", "at", "from", "to", "why"), found.groups()))
             for found in LEDGER.finditer(station.log_text())]
    for line in lines:
        line["why"] = line["why"].strip('"')
        line.update({end: "" for end in ("from", "to") if line[end] == "-"})
    return lines


def ledger(station, what=None):
    """The dead-air ledger as `mast status` has it, oldest first: {what, at, from, to, why}."""
    told = json.loads(station.run("status", "--json", "-c", station.config).stdout)
    lines = told["stations"][0]["air"]["events"]
    return [line for line in lines if what is None or line["what"] == what]


def switches(station):
    """[(from, to, why)], the first coming on the air left out."""
    return [(line["from"], line["to"], line["why"]) for line in ledger(station, "switch")
            if line["from"]]


def wait_switch(station, to, seconds=10, count=1):
    """Waits for the count-th switch to an input, since the start."""
    def times():
        return sum(one["what"] == "switch" and one["to"] == to for one in logged(station))
    wait_for(lambda: times() >= count, seconds, why=f"no switch {count} to {to}")


def runs_on_tape(station, rendition):
    """The records of the tape's index (src/tape/files_priv.h), as dicts."""
    out = []
    folder = station.data / "tape" / "wxyz" / rendition
    for path in sorted(folder.glob("*.index"), key=lambda path: int(path.stem)):
        data = path.read_bytes()
        for at in range(64, len(data) - 63, 64):
            n, _, start_us, discontinuity, rate = struct.unpack_from("<QQqII", data, at)
            size, samples, flags = struct.unpack_from("<IIH", data, at + 44)
            out.append({"n": n, "start_us": start_us, "discontinuity": discontinuity,
                        "rate": rate, "bytes": size, "samples": samples, "flags": flags})
    return out


def assert_whole_tape(station, renditions=("mp3-128", "aac-96")):
    """Each window of the tape follows on from the one before, to the sample."""
    for rendition in renditions:
        runs = runs_on_tape(station, rendition)
        assert len(runs) >= 2, f"{rendition}: {runs}"
        for run, following in zip(runs, runs[1:]):
            end_us = run["start_us"] + run["samples"] * 1000000 / run["rate"]
            assert abs(following["start_us"] - end_us) < 1000, f"{rendition}: {run} {following}"
        assert len({run["discontinuity"] for run in runs}) == 1, f"{rendition}: {runs}"


# ---- the deck

def deck(station, other_than=None, seconds=10):
    """Waits for the station's deck, another one than before, and returns its process id."""
    return wait_for(lambda: _deck_now(station, other_than), seconds, why="there is no new deck")


def _deck_now(station, other_than):
    pids = re.findall(r'event=child child="deck wxyz" pid=(\d+) text="started"', station.log_text())
    pid = int(pids[-1]) if pids else None
    return pid if pid != other_than and pathlib.Path(f"/proc/{pid}").exists() else None


# ---- the scene


class Scene:
    """Two sources on the air, and a crowd that listens."""

    def __init__(self, station, folder, tones=None):
        self.station, self.folder, self.tones = station, folder, tones or TONES
        self.children, self.crowd = {}, None

    def send(self, name="live", **more):
        if "channels" not in more and self.tones is not TONES:
            more["channels"] = [wave(self.tones[name])] * 2
        self.children[name] = send(self.folder, self.station.port, name, **more)
        return self.children[name]

    def begin(self, both=True, listeners=100):
        """On the air for longer than a burst is, and then they come to listen, fifty a second."""
        if "live" not in self.children:
            self.send("live")
        self.station.wait_on_air()
        began = time.monotonic()
        if both and "backup" not in self.children:
            self.send("backup")
        time.sleep(max(0, 3.5 - (time.monotonic() - began)))
        self.crowd = Crowd(self.station.port, listeners, spread_s=listeners / 50).start()
        time.sleep(1.2)  # everybody has had his burst and a slot of his own
        return self

    def signal(self, name, number):
        os.kill(self.children[name].process.pid, number)
        if number == signal.SIGKILL:
            self.children[name].process.wait()

    def play(self, seconds):
        time.sleep(seconds)

    def end(self):
        if self.crowd:
            self.crowd.stop()
        for child in filter(None, self.children.values()):
            with contextlib.suppress(OSError):
                os.kill(child.process.pid, signal.SIGCONT)
            child.stop()

    # -- the verdict

    def heard(self, hole_ms=0, limit=None, each=2):
        """Judges what some listeners decoded and returns the runs that the first of them heard."""
        first = None
        if limit is None:
            pitches = [hz for tones in self.tones.values() for hz in tones]
            limit = 1.25 * judge.step_of(*sorted(pitches)[-2:])
        for codec, pcm in self.crowd.decoded(each):
            runs = judge.heard(pcm, self.tones)
            holes = judge.holes(pcm)
            too_long = [hole for hole in holes if hole[1] > hole_ms]
            assert not too_long, f"{codec}: holes (s, ms) {too_long} in {runs}"
            steps = judge.steps(pcm, limit)
            assert not steps, f"{codec}: steps over {limit:.3f} (s, step) {steps[:20]} in {runs}"
            first = first or runs
        return first


@contextlib.contextmanager
def stage(make_mast, folder, rules=None, may_be_silent=True, loop_s=9, tones=None, options=None,
          at_once=True, **begin):
    """A scene on a station of its own, which has a tone as its loop, or with loop_s=0 the one that
    mast carries. at_once: it has begun already."""
    loop = loop_file(folder, loop_s) if loop_s else True
    station = make_mast(options, what=document(rules, may_be_silent, loop))
    scene = Scene(station, folder, tones)
    try:
        yield scene.begin(**begin) if at_once else scene
    finally:
        scene.end()


def assert_no_dead_air(scene):
    """What is promised whatever happens."""
    least = scene.crowd.assert_nobody_missed_out()
    print(f"the least that any player had in hand: {least:.2f} s")
    assert_whole_tape(scene.station)
