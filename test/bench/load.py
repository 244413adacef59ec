"""What loads a server and looks at it from outside: ears, the source, wrk, /proc."""

import json
import os
import re
import select
import subprocess
import time

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
TICKS = os.sysconf("SC_CLK_TCK")


class CannotRun(Exception):
    """A measurement could not be made; the text says why."""


def pinned(core, command):
    return ["taskset", "-c", str(core)] + [str(word) for word in command]


class Tool:
    """One of the small C programs: told by standard input, heard by lines, ended by closing it."""

    def __init__(self, tools, name, core, **options):
        command = [tools / f"bench-{name}"]
        for key, value in options.items():
            command += [f"--{key}", value]
        self.name = name
        self.process = subprocess.Popen(pinned(core, command), text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def line(self, timeout_s):
        if not select.select([self.process.stdout], [], [], timeout_s)[0]:
            raise CannotRun(f"bench-{self.name} said nothing for {timeout_s} s")
        line = self.process.stdout.readline()
        if line == "":
            raise CannotRun(f"bench-{self.name}: {self.process.stderr.read().strip()}")
        return line.strip()

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Ears(Tool):
    def __init__(self, tools, server, count, rate, patience_s=30, batch_ms=0):
        super().__init__(tools, "ears", LOAD_CORE, port=server.port, path=server.stream,
                         count=count, rate=rate, patience_s=patience_s, batch_ms=batch_ms)
        self.longest_s = count / rate + patience_s + 15

    def joined(self):
        return json.loads(self.line(self.longest_s))

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.line(15))

    def mark(self):
        return self.tell("mark")

    def report(self):
        return self.tell("report")


class Source(Tool):
    def __init__(self, tools, server):
        super().__init__(tools, "source", LOAD_CORE, port=server.port, mount=server.mount,
                         user="source", key=server.key)
        try:
            self.line(10)
        except CannotRun:
            self.stop()
            raise


def cpu_s(pid):
    """User and system time of a process, all its threads, since it began."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_bytes(pid):
    """Rss, Pss and anonymous memory of a process."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        found = dict(re.findall(r"^(\w+):\s+(\d+) kB", rollup.read(), re.M))
    return {key: int(found[key]) * 1024 for key in ("Rss", "Pss", "Anonymous")}


def wrk(server, path, seconds):
    """64 connections for some seconds: requests a second, and the server's time for one."""
    before_s = cpu_s(server.pid)
    result = subprocess.run(
        pinned(LOAD_CORE, ["wrk", "-t1", "-c64", f"-d{seconds}s",
                           f"http://127.0.0.1:{server.port}{path}"]),
        capture_output=True, text=True, timeout=seconds + 30)
    used_s = cpu_s(server.pid) - before_s
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", result.stdout, re.M)
    count = re.search(r"^\s+(\d+) requests in", result.stdout, re.M)
    if not rate or not count or "Non-2xx" in result.stdout or "Socket errors" in result.stdout:
        raise CannotRun("wrk: " + " ".join((result.stdout + result.stderr).split()))
    return {"per_s": float(rate[1]), "cpu_us": used_s * 1e6 / int(count[1])}


def wait_until(what, timeout_s, question):
    deadline = time.monotonic() + timeout_s
    while not question():
        if time.monotonic() > deadline:
            raise CannotRun(f"{what}: not within {timeout_s} s")
        time.sleep(0.02)
