"""Who sends sound: a scriptable source over a plain socket, and real encoders as children."""
import contextlib
import os
import pathlib
import select
import socket
import struct
import subprocess
import threading
import time

from lib import sound, web
from lib.station import KEY

# ---- cutting encoded clips into pieces with a time


def mp3_pieces(data):
    """(seconds, bytes) of each frame of MPEG-1 layer III."""
    rates = {0: 44100, 1: 48000, 2: 32000}
    kbps = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
    at = 0
    while at + 4 <= len(data):
        word = struct.unpack_from(">I", data, at)[0]
        assert word >> 20 == 0xFFF, "not a frame"
        rate = rates[word >> 10 & 3]
        size = 144000 * kbps[word >> 12 & 15] // rate + (word >> 9 & 1)
        yield 1152 / rate, data[at:at + size]
        at += size


def adts_pieces(data):
    rates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000]
    at = 0
    while at + 7 <= len(data):
        assert data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0, "not a frame"
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        yield 1024 / rates[data[at + 2] >> 2 & 15], data[at:at + size]
        at += size


def ogg_pieces(data, rate=48000):
    """(seconds, bytes) of each Ogg page, from its granule position."""
    at, last = 0, 0
    while at + 27 <= len(data):
        assert data[at:at + 4] == b"OggS", "not a page"
        granule = struct.unpack_from("<q", data, at + 6)[0]
        segments = data[at + 26]
        size = 27 + segments + sum(data[at + 27:at + 27 + segments])
        length = max(0, granule - last) / rate if granule > 0 else 0
        last = max(last, granule)
        yield length, data[at:at + size]
        at += size


def pieces(data, codec):
    if codec == "mp3":
        return list(mp3_pieces(data))
    if codec == "aac":
        return list(adts_pieces(data))
    return list(ogg_pieces(data, 48000 if codec == "opus" else 44100))


# ---- the scriptable source


class RawSource:
    """Logs in over a plain socket and sends pieces at a pace.

    pace: sound seconds per second (1 = real time, 2 = twice, 0 = as fast as the socket takes it);
    ahead_s: sound that is sent at once. With the defaults it logs in and feeds from a thread.
    """

    def __init__(self, port, mount="/wxyz", user="source", key=KEY, codec="mp3", data=None,
                 method="PUT", headers=None, pace=1.0, ahead_s=0.0, repeat=False, version="1.1",
                 chunked=False, content_type=None, lines="\r\n"):
        self.port, self.mount, self.codec = port, mount, codec
        self.parts = pieces(data, codec) if data is not None else []
        self.pace, self.ahead_s, self.repeat, self.chunked = pace, ahead_s, repeat, chunked
        head = {"Host": f"127.0.0.1:{port}", "Authorization": web.basic(user, key),
                "User-Agent": "raw-source/1", "Ice-Name": "A raw source",
                "Content-Type": content_type or sound.CONTENT_TYPES.get(codec, "audio/mpeg")}
        if method == "PUT" and not chunked:
            head["Expect"] = "100-continue"
        if chunked:
            head["Transfer-Encoding"] = "chunked"
        head.update(headers or {})
        text = [f"{method} {mount} HTTP/{version}"]
        text += [f"{name}: {value}" for name, value in head.items() if value is not None]
        self.head = (lines.join(text) + lines * 2).encode("utf-8")
        self.sock, self.thread, self.error, self.answer = None, None, None, b""
        self.stopping, self.stalled = threading.Event(), threading.Event()
        self.began, self.sent_s, self.sent_bytes = None, 0.0, 0
        self.done = threading.Event()

    # -- by hand

    def login(self, timeout=10):
        """Logs in and returns the status of the first answer (None: closed without one)."""
        self.sock = web.connect(self.port, timeout)
        self.sock.sendall(self.head)
        end = time.monotonic() + timeout
        while b"\r\n\r\n" not in self.answer and time.monotonic() < end:
            try:
                got = self.sock.recv(4096)
            except OSError:
                break
            if not got:
                break
            self.answer += got
        return web.status_of(self.answer)

    def send(self, data):
        if self.chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        self.sock.sendall(data)
        self.sent_bytes += len(data)

    # -- by itself

    def start(self, expect=(100, 200)):
        status = self.login()
        assert status in expect, f"the source was answered {self.answer!r}"
        self.began_unix = time.time()
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self._feed, daemon=True)
        self.thread.start()
        return self

    def _feed(self):
        self.sock.settimeout(60)
        try:
            while not self.stopping.is_set():
                for seconds, data in self.parts:
                    self._hold_back()
                    if self.stopping.is_set():
                        break
                    self.send(data)
                    self.sent_s += seconds
                if not self.repeat:
                    break
        except OSError as fault:
            self.error = fault
        self.done.set()

    def _hold_back(self):
        while self.stalled.is_set() and not self.stopping.is_set():
            time.sleep(0.02)
        if self.pace <= 0:
            return
        early = (self.sent_s - self.ahead_s) / self.pace - (time.monotonic() - self.began)
        if early > 0:
            self.stopping.wait(early)

    def stall(self):
        self.stalled.set()

    def resume(self, skip=True):
        """Goes on; with skip the time that was lost is not caught up."""
        if skip:
            self.began = time.monotonic() - max(0, self.sent_s - self.ahead_s) / (self.pace or 1)
        self.stalled.clear()

    def is_cut_off(self):
        """Whether the station closed the connection."""
        if self.error:
            return True
        # Python's recv() waits for the socket's time-out even when asked not to: ask poll() first.
        if not select.select([self.sock], [], [], 0)[0]:
            return False
        try:
            return self.sock.recv(4096) == b""
        except OSError:
            return True

    def stop(self):
        self.stopping.set()
        self.stalled.clear()
        if self.sock:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        if self.thread:
            self.thread.join(10)
        if self.sock:
            self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def tone_source(port, hz=440.0, codec="mp3", seconds=240, **more):
    """A source of a tone in real time, two seconds ahead as encoders are. It begins again after
    four minutes, and that can be heard: the clip's end and beginning do not meet."""
    more.setdefault("repeat", True)
    more.setdefault("ahead_s", 2.0)
    return RawSource(port, codec=codec, data=sound.clip(codec, seconds, hz), **more)


def code_source(port, codec="mp3", seconds=60, **more):
    return RawSource(port, codec=codec, data=sound.code_clip(codec, seconds), **more)


def set_title(port, title, mount="/wxyz", user="source", key=KEY, charset=None, extra=""):
    """Updates the title as encoders do; title is bytes or text, percent-encoded whole."""
    raw = title if isinstance(title, bytes) else title.encode("utf-8")
    song = "".join(f"%{byte:02X}" for byte in raw)
    more = f"&charset={charset}" if charset else ""
    return web.get(port, f"/admin/metadata?mode=updinfo&mount={mount}&song={song}{more}{extra}",
                   {"Authorization": web.basic(user, key)}, version="1.0")


# ---- children


class Child:
    """Another program, with its output in a file."""

    def __init__(self, args, folder, env=None, name=None, stdin=subprocess.DEVNULL):
        self.name = name or pathlib.Path(args[0]).name
        self.log = pathlib.Path(folder) / f"{self.name}-{time.monotonic_ns()}.log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(args, stdin=stdin, stdout=out, stderr=out,
                                            cwd=folder, env=dict(os.environ, **(env or {})),
                                            start_new_session=True)

    def text(self):
        return self.log.read_text(errors="replace")

    def is_running(self):
        return self.process.poll() is None

    def wait(self, seconds):
        return self.process.wait(timeout=seconds)

    def stop(self):
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def ffmpeg_source(folder, port, codec="mp3", hz=440, mount="/wxyz", user="source", key=KEY,
                  legacy=False, rate=44100, options=(), seconds=600):
    encoders = {
        "mp3": ["-c:a", "libmp3lame", "-b:a", "128k", "-content_type", "audio/mpeg", "-f", "mp3"],
        "aac": ["-c:a", "aac", "-b:a", "96k", "-content_type", "audio/aac", "-f", "adts"],
        "opus": ["-ar", "48000", "-c:a", "libopus", "-b:a", "96k", "-content_type",
                 "audio/ogg", "-f", "ogg"],
    }
    old = ["-legacy_icecast", "1"] if legacy else []
    return Child(
        ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "info", "-re", "-f", "lavfi", "-i",
         f"sine=frequency={hz}:sample_rate={rate}:duration={seconds}", "-af", "volume=3", "-ac", "2",
         *encoders[codec], *options, *old, f"icecast://{user}:{key}@127.0.0.1:{port}{mount}"],
        folder, name=f"ffmpeg-{codec}")
