#!/usr/bin/python3
"""Measures mast against its peers in one run and prints one table; see README.md here.

    ./bench [--quick] [--only NAME]...      NAME: cpu memory storm static start deck
"""

import argparse
import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import decks
import load
from load import CannotRun, Ears, Source, cpu_s, memory_bytes, wrk
from servers import Floor, Icecast, Mast, Nginx, fetch, first_byte_s

HERE = Path(__file__).resolve().parent
KB = 1024
SECOND_BYTES = 16000  # of sound at 128 kbit/s


class Table:
    """Rows of text, raw figures beside them, and what could not run."""

    def __init__(self):
        self.rows, self.raw, self.failed, self.notes = [], {}, [], []

    def row(self, what, mast, peer="-", ratio="-", wanted="", holds=None):
        verdict = "-" if holds is None else "yes" if holds else "NO"
        self.rows.append([what, mast, peer, ratio, wanted, verdict])
        print(f"  {what}: mast {mast}, peer {peer}, {verdict}", file=sys.stderr)

    def cannot(self, what, why):
        self.failed.append(f"{what}: {why}")
        print(f"  cannot run: {what}: {why}", file=sys.stderr)

    def keep(self, name, server, figures):
        self.raw.setdefault(name, {}).setdefault(server, []).append(figures)

    def median(self, name, server, key):
        """Of the repeats; None if there is none."""
        found = [figures[key] for figures in self.raw.get(name, {}).get(server, [])]
        return statistics.median(found) if found else None

    def text(self):
        rows = [["what", "mast", "peer", "ratio", "wanted", "holds?"]] + self.rows
        widths = [max(len(row[i]) for row in rows) for i in range(6)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                 for row in rows]
        lines.insert(1, "  ".join("-" * width for width in widths))
        lines += [f"note: {line}" for line in self.notes]
        return "\n".join(lines + [f"could not run: {line}" for line in self.failed])


def attempt(table, what, measure, *args):
    try:
        return measure(*args)
    except (CannotRun, OSError, subprocess.SubprocessError) as fault:
        table.cannot(what, fault)
        return None


def on_the_air(server, options):
    """A source for a server that takes one; the floor makes its own sound."""
    if isinstance(server, Floor):
        return contextlib.nullcontext()
    source = Source(options.tools, server)
    time.sleep(options.settle_s)
    return source


# ---- CPU of a listener-second ----

def cpu_sample(kind, options):
    with kind(options) as server:
        with on_the_air(server, options), \
                Ears(options.tools, server, options.listeners, rate=server.joins_per_s,
                     batch_ms=20) as ears:
            joined = ears.joined()
            time.sleep(options.settle_s + 3)  # the bursts are out
            ears.mark()
            before_s, began = cpu_s(server.pid), time.monotonic()
            time.sleep(options.window_s)
            used_s, seconds = cpu_s(server.pid) - before_s, time.monotonic() - began
            heard = ears.report()
    listener_s = heard["listening"] * seconds
    if listener_s == 0:
        raise CannotRun(f"nobody of {options.listeners} was served: {joined}")
    sound_s = heard["bytes"] / SECOND_BYTES  # of sound that arrived: a starved server earns nothing
    return {"cpu_us": used_s * 1e6 / sound_s, "listening": heard["listening"],
            "bytes_per_listener_s": heard["bytes"] / listener_s, "ears": heard}


def measure_cpu(options, table):
    for _ in range(options.repeats):
        for kind in (Mast, Floor, Icecast):
            figures = attempt(table, f"cpu of {kind.name}", cpu_sample, kind, options)
            if figures:
                table.keep("cpu", kind.name, figures)
    ours = table.median("cpu", "mast", "cpu_us")
    for peer, most in (("floor", 1.3), ("icecast2", 0.2)):
        theirs = table.median("cpu", peer, "cpu_us")
        ratio = ours / theirs if ours and theirs else None
        table.row(f"CPU of a listener-second, {options.listeners} listeners, {peer}",
                  f"{ours:.1f} us" if ours else "-", f"{theirs:.1f} us" if theirs else "-",
                  f"{ratio:.2f}" if ratio else "-", f"<= {most} x {peer}",
                  ratio <= most if ratio else None)
    for name in ("mast", "icecast2"):
        rate = table.median("cpu", name, "bytes_per_listener_s")
        if rate and not 15500 < rate < 16600:
            table.notes.append(f"{name} sent {rate:.0f} bytes a listener-second, not 16000: "
                               "the machine had too little time for it")


# ---- memory of a listener ----

def memory_sample(kind, options):
    with kind(options) as server:
        with on_the_air(server, options):
            before = memory_bytes(server.pid)
            with Ears(options.tools, server, options.crowd, rate=server.joins_per_s) as ears:
                ears.joined()
                time.sleep(options.settle_s + 3)
                after, heard = memory_bytes(server.pid), ears.report()
    if heard["listening"] == 0:
        raise CannotRun(f"nobody was served: {heard}")
    figures = {key: (after[key] - before[key]) / heard["listening"] for key in after}
    return figures | {"before": before, "after": after, "ears": heard}


def measure_memory(options, table):
    for kind in (Mast, Icecast):
        figures = attempt(table, f"memory of {kind.name}", memory_sample, kind, options)
        if figures:
            table.keep("memory", kind.name, figures)
    for key in ("Rss", "Pss"):
        ours, theirs = (table.median("memory", name, key) for name in ("mast", "icecast2"))
        table.row(f"memory of a listener ({key}), {options.crowd} listeners",
                  f"{ours / KB:.2f} KB" if ours is not None else "-",
                  f"{theirs / KB:.2f} KB" if theirs is not None else "-",
                  f"{ours / theirs:.2f}" if ours is not None and theirs else "-", "<= 1.50 KB",
                  ours <= 1.5 * KB if ours is not None else None)


# ---- a storm of joins ----

def storm_sample(kind, options):
    with kind(options) as server:
        with on_the_air(server, options), \
                Ears(options.tools, server, 500, rate=200) as settled:
            settled.joined()
            time.sleep(options.settle_s + 3)
            settled.mark()
            with Ears(options.tools, server, options.crowd, rate=2000, patience_s=20) as storm:
                joined = storm.joined()
                time.sleep(5)
                there = settled.report()
    return {"p99_ms": joined["first_byte_p99_ms"], "gap_ms": there["gap_max_ms"],
            "not_served": joined["refused"] + joined["unserved"] + joined["lost"],
            "lost_there": there["lost"], "joined": joined, "there": there}


def measure_storm(options, table):
    for kind in (Mast, Icecast):
        figures = attempt(table, f"storm on {kind.name}", storm_sample, kind, options)
        if figures:
            table.keep("storm", kind.name, figures)
    name = f"{options.crowd} join at 2000/s: "
    for what, key, unit, most in (("first byte, p99", "p99_ms", " ms", 150),
                                  ("not served", "not_served", "", 0),
                                  ("longest gap of 500 there", "gap_ms", " ms", 1500),
                                  ("lost of 500 there", "lost_there", "", 0)):
        ours, theirs = (table.median("storm", server, key) for server in ("mast", "icecast2"))
        table.row(name + what, f"{ours:.0f}{unit}" if ours is not None else "-",
                  f"{theirs:.0f}{unit}" if theirs is not None else "-",
                  f"{ours / theirs:.2f}" if ours is not None and theirs else "-",
                  f"<= {most}{unit}", ours <= most if ours is not None else None)


# ---- small static bodies ----

def small_body(server):
    """The address of a small body that the server keeps ready: its style sheet if it has one."""
    page = fetch(server.port, "/").decode(errors="replace")
    found = re.search(r'<link[^>]+href="?(/[^"> ]+\.css)', page)
    path = found[1] if found else "/-/live"
    return path, fetch(server.port, path)


def measure_static(options, table):
    with Mast(options, loops=1, access_log="false", unfinished_per_address_max=1000) as mast:
        path, body = small_body(mast)
        with Nginx(options, path, body) as nginx:
            for _ in range(options.static_repeats):
                for server in (mast, nginx):
                    table.keep("static", server.name, wrk(server, path, options.static_s))
    table.raw["static"]["path"], table.raw["static"]["bytes"] = path, len(body)
    ours, theirs = (table.median("static", name, "per_s") for name in ("mast", "nginx"))
    table.row(f"static body of {len(body)} bytes, requests a second, nginx", f"{ours:.0f}",
              f"{theirs:.0f}", f"{ours / theirs:.2f}", ">= 1.0 x nginx", ours >= theirs)
    ours, theirs = (table.median("static", name, "cpu_us") for name in ("mast", "nginx"))
    table.row("the same, CPU of a request", f"{ours:.1f} us", f"{theirs:.1f} us",
              f"{ours / theirs:.2f}")


# ---- a start with 30 days of tape ----

def forget(folder):
    """Takes a folder's files out of the page cache; names and inodes may stay."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure_start(options, table):
    with_tape = Mast(options, retention='"31d"', disk_share='"95%"')
    try:
        with_tape.apply()
        tape = with_tape.data / "tape" / "bench" / "mp3-128"
        tape.mkdir(parents=True, exist_ok=True)
        made = subprocess.run([options.tools / "bench-tape", "--folder", tape, "--days",
                               str(options.days)], capture_output=True, text=True, timeout=300)
        if made.returncode != 0:
            raise CannotRun(f"bench-tape: {made.stderr.strip()}")
        sets = int(made.stdout.split()[0])
        for kind in ("cold", "warm"):
            for _ in range(options.start_repeats):
                if kind == "cold":
                    forget(with_tape.data)
                took_s = first_byte_s(with_tape, "/")
                with_tape.stop()
                if list(tape.glob("set-aside*")) or len(list(tape.glob("*.index"))) != sets:
                    raise CannotRun("mast did not take the tape as its own")
                table.keep(f"start {kind}", "mast", {"ms": took_s * 1000})
            ours = table.median(f"start {kind}", "mast", "ms")
            table.row(f"start with {options.days} days of tape to the first byte, {kind}",
                      f"{ours:.0f} ms", wanted="< 300 ms", holds=ours < 300)
    finally:
        with_tape.__exit__()


# ---- the deck ----

def measure_deck(options, table):
    """Three encodes of one input in real time: mast-deck, ffmpeg and Liquidsoap at once."""
    for _ in range(options.repeats):
        for name, figures in decks.measure(options).items():
            table.keep("deck", name, figures | {"share": figures["cpu_s"] / figures["window_s"]})
    deck, two, ffmpeg, liquidsoap = (table.median("deck", name, "share") for name in
                                     ("deck", "deck, two inputs", "ffmpeg", "liquidsoap"))
    for what, ours, theirs, peer, most in (
            ("three encodes, CPU of a core", deck, ffmpeg, "ffmpeg", 1.2),
            ("three encodes, two inputs decoded", two, ffmpeg, "ffmpeg", 1.8),
            ("three encodes, CPU of a core", deck, liquidsoap, "liquidsoap", 0.75)):
        ratio = ours / theirs if ours and theirs else None
        table.row(f"deck: {what}, {peer}", f"{100 * ours:.2f} %",
                  f"{100 * theirs:.2f} %" if theirs else "-", f"{ratio:.2f}" if ratio else "-",
                  f"<= {most} x {peer}", ratio <= most if ratio else None)
    ours, theirs = (table.median("deck", name, "peak") for name in ("deck", "liquidsoap"))
    table.row("deck: peak memory", f"{ours / KB / KB:.1f} MB", wanted="<= 60 MB",
              holds=ours <= 60 * KB * KB)
    table.row("deck: peak memory, liquidsoap", f"{ours / KB / KB:.1f} MB",
              f"{theirs / KB / KB:.1f} MB" if theirs else "-",
              f"{ours / theirs:.2f}" if theirs else "-", "<= 0.33 x liquidsoap",
              ours <= theirs / 3 if theirs else None)


MEASURES = {"cpu": measure_cpu, "memory": measure_memory, "storm": measure_storm,
            "static": measure_static, "start": measure_start, "deck": measure_deck}


def parse():
    parser = argparse.ArgumentParser(prog="./bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes, rougher")
    parser.add_argument("--only", action="append", choices=MEASURES, help="may be repeated")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build", help="build folder")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.tools = options.build / "test" / "bench"
    quick = options.quick
    options.listeners, options.crowd = (1000, 2000) if quick else (5000, 10000)
    options.window_s, options.settle_s = (8, 2) if quick else (30, 4)
    options.repeats, options.static_repeats = (1, 3) if quick else (3, 5)
    options.static_s, options.start_repeats, options.days = (2, 3, 30) if quick else (5, 5, 30)
    return options


def main():
    options = parse()
    table = Table()
    os.sched_setaffinity(0, {load.LOAD_CORE})
    machine = {"system": platform.platform(), "cores": len(load.CORES),
               "load_before": os.getloadavg()[0], "began": time.strftime("%F %T"),
               "quick": options.quick}
    for name in options.only or MEASURES:
        print(f"{name} ...", file=sys.stderr)
        attempt(table, name, MEASURES[name], options, table)
    print(table.text())
    print(f"{machine['cores']} cores, {machine['system']}; load of the machine before: "
          f"{machine['load_before']:.2f}; servers on core {load.SERVER_CORE}, "
          f"all else on core {load.LOAD_CORE}")
    results = options.build / "bench.json"
    results.write_text(json.dumps({"machine": machine, "rows": table.rows, "raw": table.raw,
                                   "could_not_run": table.failed}, indent=1) + "\n")
    print(f"all figures: {results}")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
