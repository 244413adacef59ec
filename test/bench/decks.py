"""The deck beside ffmpeg and Liquidsoap: the same sound decoded, the same three encodes, in real
time, all at once on one machine. CPU is user + system time of the process over the same window."""

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from load import SERVER_CORE, CannotRun, cpu_s, pinned

# Music is no tone: chords, noise and changes, so that the encoders have something to do.
SOUND = ("aevalsrc='0.2*sin(2*PI*(220+40*floor(mod(t,7)))*t)+0.15*sin(2*PI*(554+3*sin(t))*t)"
         "+0.05*random(0)|0.2*sin(2*PI*(277+30*floor(mod(t,5)))*t)+0.05*random(1)':s=44100:d={}")
ENCODES = (("mp3", "libmp3lame", 128, 2), ("aac", "aac", 96, 2), ("aac", "aac", 48, 1))


def make_sound(folder, seconds):
    files = []
    for number in (1, 2):
        path = folder / f"in{number}.mp3"
        subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", SOUND.format(seconds),
                        "-ac", "2", "-c:a", "libmp3lame", "-b:a", "128k", str(path)], check=True,
                       timeout=300)
        files.append(path)
    return files


def ffmpeg_command(file):
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-i", str(file)]
    for suffix, codec, kbps, channels in ENCODES:
        command += ["-map", "0:a", "-c:a", codec, "-b:a", f"{kbps}k", "-ar", "48000", "-ac",
                    str(channels), "-f", "adts" if suffix == "aac" else suffix, "-y", "/dev/null"]
    return command


def liquidsoap_script(folder, file):
    outputs = []
    for number, (suffix, codec, kbps, channels) in enumerate(ENCODES):
        form = "adts" if suffix == "aac" else suffix
        outputs.append(f'output.file(%ffmpeg(format="{form}", %audio(codec="{codec}", '
                       f'b="{kbps}k", channels={channels}, samplerate=48000)), fallible=true, '
                       f'"{folder}/liq{number}.{suffix}", {"mean(s)" if channels == 1 else "s"})')
    script = folder / "bench.liq"
    script.write_text('settings.init.allow_root.set(true)\nsettings.log.stdout.set(false)\n'
                      'settings.frame.audio.samplerate.set(48000)\n'
                      f's = single("{file}")\n' + "\n".join(outputs) + "\n")
    return ["liquidsoap", str(script)]


def deck_command(options, files, seconds):
    command = [options.tools / "bench-deck", "--deck", options.build / "deck" / "mast-deck",
               "--seconds", seconds, "--pace"]
    for file in files:
        command += ["--file", file]
    for suffix, _, kbps, channels in ENCODES:
        command += ["--output", f"{suffix}:{kbps * 1000}:48000:{channels}"]
    return command


def peak_bytes(pid):
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(found[1]) * 1024 if found else 0


def child_of(pid):
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


class Running:
    """One of them under way. The deck is bench-deck's child; the others are themselves."""

    def __init__(self, name, command, is_parent=False):
        self.name = name
        self.process = subprocess.Popen(pinned(SERVER_CORE, command), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.is_parent = is_parent
        self.before_s = None

    def pid(self):
        if self.process.poll() is not None:
            raise CannotRun(f"{self.name} ended: {self.process.stderr.read().decode()[-300:]}")
        return child_of(self.process.pid) if self.is_parent else self.process.pid

    def mark(self):
        self.before_s = cpu_s(self.pid())

    def figures(self):
        return {"cpu_s": cpu_s(self.pid()) - self.before_s, "peak": peak_bytes(self.pid())}

    def stop(self):
        self.process.kill()
        self.process.wait()


def measure(options):
    """Returns {name: figures} of one window in which all of them ran."""
    window_s = 20 if options.quick else 60
    folder = Path(tempfile.mkdtemp(prefix="bench-deck-"))
    running = []
    try:
        files = make_sound(folder, window_s + 60)
        wanted = [("deck", deck_command(options, files[:1], window_s + 40), True),
                  ("deck, two inputs", deck_command(options, files, window_s + 40), True),
                  ("ffmpeg", ffmpeg_command(files[0]), False)]
        if shutil.which("liquidsoap"):
            wanted.append(("liquidsoap", liquidsoap_script(folder, files[0]), False))
        running = [Running(*each) for each in wanted]
        time.sleep(10)  # started, and the first rush is over
        for each in running:
            each.mark()
        time.sleep(window_s)
        return {each.name: each.figures() | {"window_s": window_s} for each in running}
    finally:
        for each in running:
            each.stop()
        shutil.rmtree(folder, ignore_errors=True)
