"""Who listens: an ICY client that separates metadata from sound and remembers when what came."""
import contextlib
import re
import socket
import threading
import time

from lib import web

BLOCK_TITLE = re.compile(rb"StreamTitle='(.*?)';", re.S)


class Ear:
    """A listener on a thread of its own. Bytes of sound are in .sound, titles in .titles as
    (position in the sound, text), arrivals as (seconds since the start, bytes of sound)."""

    def __init__(self, port, path="/wxyz/mp3-128.mp3", metadata=True, headers=None, version="1.0",
                 receive_buffer=None):
        self.port, self.path, self.metadata = port, path, metadata
        self.headers = dict(headers or {})
        if metadata:
            self.headers["Icy-MetaData"] = "1"
        self.headers.setdefault("User-Agent", "scenario-ear/1")
        self.version, self.receive_buffer = version, receive_buffer
        self.sound, self.titles, self.arrivals, self.blocks = bytearray(), [], [], []
        self.answer_head = None
        self.status, self.line, self.answer = None, None, {}
        self.closed = threading.Event()
        self.paused = threading.Event()
        self.changed = threading.Condition()
        self.thread = self.sock = self.began = None

    def open(self):
        """Connects, asks, and reads the head only."""
        self.sock = socket.socket()
        if self.receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        self.sock.settimeout(15)
        self.sock.connect(("127.0.0.1", self.port))
        self.began = time.monotonic()
        self.sock.sendall(web.head_bytes("GET", self.path, self.headers, self.version))
        self.reader = web.Reader(self.sock)
        head = self.reader.head()
        assert head is not None, "closed without an answer"
        self.answer_head = head
        self.status, self.line, self.answer, self.raw = web.parse_head(head)
        return self

    def start(self, expect=200):
        self.open()
        assert self.status == expect, f"{self.path}: {self.line}"
        self.metaint = int(self.answer.get("icy-metaint", 0))
        self.left = self.metaint
        self.waiting = b""
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        return self

    def _listen(self):
        data = self.reader.rest
        self.reader.rest = b""
        while True:
            if data:
                with self.changed:
                    before = len(self.sound)
                    self._take(data)
                    self.arrivals.append((time.monotonic() - self.began, len(self.sound) - before))
                    self.changed.notify_all()
            while self.paused.is_set():
                time.sleep(0.02)
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                data = b""
                continue
            except OSError:
                break
            if not data:
                break
        self.closed.set()
        with self.changed:
            self.changed.notify_all()

    def _take(self, data):
        if not self.metaint:
            self.sound += data
            return
        self.waiting += data
        while self.waiting:
            if self.left > 0:
                piece = self.waiting[:self.left]
                self.sound += piece
                self.left -= len(piece)
                self.waiting = self.waiting[len(piece):]
                continue
            size = 1 + 16 * self.waiting[0]
            if len(self.waiting) < size:
                return
            block = self.waiting[1:size]
            self.waiting = self.waiting[size:]
            self.left = self.metaint
            if block:
                self.blocks.append(block)
                found = BLOCK_TITLE.search(block)
                if found:
                    self.titles.append((len(self.sound), found[1].decode("utf-8", "replace")))

    # -- waiting

    def wait(self, what, seconds=20, why="it was not heard"):
        end = time.monotonic() + seconds
        with self.changed:
            while not what():
                left = end - time.monotonic()
                assert left > 0, f"{why} within {seconds} s"
                assert not self.closed.is_set() or what(), f"{why}: the station hung up"
                self.changed.wait(min(left, 0.5))
        return self

    def wait_bytes(self, count, seconds=30):
        return self.wait(lambda: len(self.sound) >= count, seconds,
                         f"{count} bytes of sound did not come")

    def wait_seconds(self, sound_s, kbps=128, seconds=None):
        return self.wait_bytes(int(sound_s * kbps * 125), seconds or sound_s + 20)

    def wait_title(self, title, seconds=20):
        return self.wait(lambda: any(text == title for _, text in self.titles), seconds,
                         f"the title {title!r} did not come, but {self.titles}")

    def pause(self):
        self.paused.set()

    def resume(self):
        self.paused.clear()

    def arrived_s(self, kbps=128):
        """[(seconds, seconds of sound)] for underruns()."""
        return [(at, count / (kbps * 125)) for at, count in self.arrivals if count]

    def stop(self):
        self.paused.clear()
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


def underruns(arrivals, start_after_s=0.5):
    """How often a player ran dry that begins when it has `start_after_s` of sound, and again after
    each time: arrivals are (seconds, seconds of sound that came then)."""
    count, stock, last, playing = 0, 0.0, 0.0, False
    for at, got in arrivals:
        if playing:
            stock -= at - last
            if stock < 0:
                count += 1
                stock, playing = 0.0, False
        last = at
        stock += got
        playing = playing or stock >= start_after_s
    return count


def longest_gap_s(arrivals):
    times = [at for at, _ in arrivals]
    return max((b - a for a, b in zip(times, times[1:])), default=0.0)
