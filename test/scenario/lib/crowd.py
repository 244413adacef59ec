"""A crowd of listeners at random phases, on one thread: who got what when, and was anybody lost."""
import random
import selectors
import socket
import threading
import time

from lib import judge, web

PATHS = {"mp3": "/wxyz/mp3-128.mp3", "aac": "/wxyz/aac-96.aac"}


class Listener:
    """Without metadata, so that all bytes are sound."""

    def __init__(self, port, codec):
        self.codec, self.data, self.arrivals = codec, bytearray(), []
        self.head, self.is_lost = b"", False
        self.sock = web.connect(port)
        self.began = time.monotonic()
        self.sock.sendall(web.head_bytes("GET", PATHS[codec], {"User-Agent": "crowd/1"}, "1.0"))
        self.sock.setblocking(False)

    def read(self):
        """Reads what is there; False when the station hung up."""
        try:
            got = self.sock.recv(262144)
        except BlockingIOError:
            return True
        except OSError:
            got = b""
        if not got:
            self.is_lost = True
            return False
        if not self.data:
            self.head += got
            self.head, end, got = self.head.partition(b"\r\n\r\n")
            if not end:
                return True
            assert b" 200 " in self.head.split(b"\r\n")[0], self.head
        self.data += got
        self.arrivals.append((time.monotonic() - self.began, len(self.data)))
        return True


class Crowd:
    """Half of them hear MP3, half AAC; they join within `spread_s`, anywhere in a second."""

    def __init__(self, port, count=100, spread_s=2.0, codecs=("mp3", "aac")):
        self.port, self.listeners = port, []
        self.plan = [(random.uniform(0, spread_s), codecs[i % len(codecs)]) for i in range(count)]
        self.plan.sort()
        self.stopping, self.fault = threading.Event(), None
        self.wake, self.waker = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.began = time.monotonic()
        self.thread.start()
        while len(self.listeners) < len(self.plan) and self.thread.is_alive():
            time.sleep(0.02)
        return self

    def _run(self):
        try:
            self._listen()
        except Exception as fault:  # told by stop()
            self.fault = fault

    def _listen(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.wake, selectors.EVENT_READ)
            while not self.stopping.is_set():
                now = time.monotonic() - self.began
                while len(self.listeners) < len(self.plan) and \
                        self.plan[len(self.listeners)][0] <= now:
                    one = Listener(self.port, self.plan[len(self.listeners)][1])
                    selector.register(one.sock, selectors.EVENT_READ, one)
                    self.listeners.append(one)
                joining = len(self.listeners) < len(self.plan)
                for key, _ in selector.select(0.02 if joining else 1.0):
                    if key.data and not key.data.read():
                        selector.unregister(key.data.sock)

    def stop(self):
        if not self.stopping.is_set():
            self.stopping.set()
            self.waker.send(b"x")
            self.thread.join(10)
            self.ended = time.monotonic()
            for one in self.listeners:
                one.sock.close()
        assert self.fault is None, self.fault
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # -- what became of them

    def reserves(self):
        """For each listener (underruns, least reserve in seconds), up to the end."""
        self.stop()
        out = []
        for one in self.listeners:
            arrived = judge.arrived_s(one.data, one.codec, one.arrivals)
            out.append(judge.reserve([*arrived, (self.ended - one.began, 0.0)]))
        return out

    def assert_nobody_missed_out(self):
        """Nobody was disconnected, and nobody's player ran dry."""
        reserves = self.reserves()
        lost = sum(one.is_lost for one in self.listeners)
        assert lost == 0, f"{lost} of {len(self.listeners)} listeners were disconnected"
        dry = [count for count, _ in reserves if count]
        least = min(least for _, least in reserves)
        assert not dry, f"{len(dry)} of {len(reserves)} players ran dry; least: {least:.2f} s"
        return least

    def decoded(self, each=2):
        """[(codec, samples)] of some listeners of each codec, taken at random."""
        self.stop()
        out = []
        for codec in sorted({one.codec for one in self.listeners}):
            some = [one for one in self.listeners if one.codec == codec]
            out += [(codec, judge.decode(one.data, codec))
                    for one in random.sample(some, min(each, len(some)))]
        return out
