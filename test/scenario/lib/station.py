"""A real station: `mast serve` as a child, on a private port, with a data folder of its own."""
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

from lib import web

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("MAST_BUILD", ROOT / "build")).absolute()
MAST = BUILD / "src" / "mast"

KEY = "a-key-of-the-tests"
SHOUTCAST_KEY = "shoutcast-key-of-its-own"
OTHER_KEY = "another-persons-key"

# What a sanitizer or a failed assertion leaves on stderr.
REPORT = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed|LeakSanitizer"
)


def document(slug="wxyz", name="WXYZ News"):
    """A station with a rendition of each codec that passes sound through as it comes, no loop, and
    three sources that may be silent or a steady tone; wxyz has mounts of its own."""
    first = slug == "wxyz"
    as_it_comes = {"passthrough": True}
    any_sound = {"silence_allowed": True}
    return {
        "stations": [
            {
                "slug": slug,
                "name": name,
                "description": "News of the tests",
                "genre": "News",
                "timezone": "America/New_York",
                "renditions": [
                    {"slug": "mp3-128", "codec": "mp3", "bitrate": 128000,
                     "mounts": ["/live.mp3"] if first else [], **as_it_comes},
                    {"slug": "aac-96", "codec": "aac", "bitrate": 96000, **as_it_comes},
                    {"slug": "opus-96", "codec": "opus", "bitrate": 96000, **as_it_comes},
                ],
                "sources": [
                    {"user": "source", "mount": f"/{slug}", "key": KEY, **any_sound},
                    {"user": "anna", "mount": f"/{slug}", "key": OTHER_KEY, **any_sound},
                    {"user": "source", "mount": "/studio-b" if first else f"/{slug}-b",
                     "key": SHOUTCAST_KEY, **any_sound},
                ],
                "loop": False,
            }
        ]
    }


def free_port():
    """A port whose neighbour is free too (SHOUTcast), below the range of outgoing connections."""
    while True:
        port = random.SystemRandom().randrange(16000, 32000, 2)
        try:
            with socket.socket() as one, socket.socket() as two:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
                return port
        except OSError:
            continue


def wait_for(what, seconds=10, every=0.05, why="it did not happen"):
    """Waits until what() is true and returns that value."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"{why} within {seconds} s"
        time.sleep(every)


class Station:
    def __init__(self, folder, options=None, prefix=(), env=None):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.config = self.folder / "mast.conf"
        self.stderr = self.folder / "stderr"
        self.port = free_port()
        self.prefix = list(prefix)
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.killed = False
        settings = {
            "listen": f'{{"127.0.0.1:{self.port}"}}',
            "data_folder": f'"{self.data}"',
            "shoutcast": "true",
            "log_level": "debug",
            "disk_share": "90%",
        }
        settings.update(options or {})
        self.config.write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))

    # -- life

    def start(self):
        with open(self.stderr, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(MAST), "serve", "-c", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, cwd=self.folder)
        self.killed = False
        wait_for(self._is_ready, 30, why="the station did not become ready")
        return self

    def _is_ready(self):
        assert self.process.poll() is None, f"mast ended at its start:\n{self.log_text()[-3000:]}"
        try:
            return web.get(self.port, "/-/ready", timeout=5).status == 200
        except OSError:
            return False

    @property
    def pid(self):
        """Of mast itself, also under strace."""
        if not self.prefix:
            return self.process.pid
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        self.killed = True

    def stop(self):
        """Ends the station as an init would, and looks whether it went in good order."""
        if self.process is None:
            return
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                code = self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.kill(self.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError("mast did not end within 30 s of SIGTERM") from None
        else:
            code = self.process.returncode
        log = self.log_text()
        found = REPORT.search(log)
        assert not found, f"on stderr:\n{log[max(0, found.start() - 300):found.start() + 6000]}"
        assert code == 0 or self.killed, f"mast ended with {code}:\n{log[-3000:]}"
        self.process = None

    def end(self):
        """Ends it in any way, for when something went wrong already."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError, IndexError):
                os.kill(self.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.end()
        else:
            self.stop()

    # -- talking to it

    def run(self, *args, check=True):
        done = subprocess.run([str(MAST), *map(str, args)], capture_output=True, text=True,
                              timeout=60, cwd=self.folder, check=False)
        if check:
            assert done.returncode == 0, f"mast {args}: {done.stdout}{done.stderr}"
        return done

    def apply(self, what, check=True):
        path = self.folder / "document.json"
        path.write_text(json.dumps(what))
        return self.run("apply", "-c", self.config, path, check=check)

    def get(self, path, headers=None, **more):
        return web.get(self.port, path, headers, **more)

    def admin_key(self):
        return self._key("admin")

    def relay_key(self):
        return self._key("relay")

    def _key(self, user):
        lines = (self.data / "keys").read_text().splitlines()
        return dict(line.split() for line in lines)[user]

    def admin(self, path):
        return self.get(path, {"Authorization": web.basic("admin", self.admin_key())})

    def json(self, path="/status-json.xsl"):
        return json.loads(self.get(path).body)

    def mounts(self):
        """The sources of status-json, by mount."""
        found = self.json()["icestats"].get("source", [])
        found = found if isinstance(found, list) else [found]
        return {"/" + one["listenurl"].split("/", 3)[3]: one for one in found}

    def title(self, mount="/wxyz/mp3-128.mp3"):
        return self.mounts().get(mount, {}).get("title")

    def is_on_air(self, slug="wxyz"):
        return self.get(f"/-/air/{slug}").status == 200

    def wait_on_air(self, slug="wxyz", seconds=15):
        wait_for(lambda: self.is_on_air(slug), seconds, why=f"{slug} did not come on the air")

    def log_text(self):
        return self.stderr.read_text(errors="replace") if self.stderr.exists() else ""

    def log_lines(self, event=None):
        lines = self.log_text().splitlines()
        return [line for line in lines if event is None or f"event={event}" in line]

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def open_sockets(self):
        count = 0
        for entry in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                count += os.readlink(entry).startswith("socket:")
        return count
