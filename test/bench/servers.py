"""The servers that are measured: mast, the floor, icecast2, nginx; each on a private port."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from load import SERVER_CORE, CannotRun, Tool, pinned, wait_until

KEY = "key-of-the-bench-0123456789"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(port, path, timeout_s=5):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout_s) as answer:
        return answer.read()


class Server:
    """A server of its own process, in a folder of its own that goes with it."""

    name = "?"
    needs = None             # program that must be installed
    mount = stream = "/bench"
    key = KEY
    joins_per_s = 500        # of the listeners that are there before a measurement begins

    def __init__(self, options):
        self.options = options
        self.port = free_port()
        self.process = None
        if self.needs and not shutil.which(self.needs):
            raise CannotRun(f"{self.needs} is not installed")
        self.folder = Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        self.folder.chmod(0o755)

    @property
    def pid(self):
        return self.process.pid

    def launch(self, command, core=SERVER_CORE):
        self.log = self.folder / "output.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(pinned(core, command), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=self.folder)

    def answers(self):
        if self.process.poll() is not None:
            raise CannotRun(f"{self.name} ended: " + " ".join(self.log.read_text().split())[-400:])
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def wait(self):
        wait_until(f"{self.name} on port {self.port}", 15, self.answers)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Mast(Server):
    name = "mast"
    mount = "/bench"
    stream = "/bench/mp3-128.mp3"

    DOCUMENT = {"stations": [{
        "slug": "bench", "name": "Bench", "timezone": "UTC",
        # What is measured here is the way out: the sound goes through as it comes.
        "renditions": [{"slug": "mp3-128", "codec": "mp3", "bitrate": 128000, "passthrough": True}],
        "sources": [{"user": "source", "mount": "/bench", "key": KEY, "silence_allowed": True}],
        "loop": False}]}

    def __init__(self, options, **settings):
        self.program = options.build / "src" / "mast"
        if not self.program.exists():
            raise CannotRun(f"{self.program} is not built")
        super().__init__(options)
        self.data = self.folder / "data"
        self.config = self.folder / "mast.conf"
        settings = {"listen": f'{{"127.0.0.1:{self.port}"}}', "data_folder": f'"{self.data}"',
                    "listeners_max": 20000, "access_log": "true", "log_level": '"warn"'} | settings
        self.config.write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))

    def apply(self):
        """Makes the station; with no server running, mast works on the data folder itself."""
        self.data.mkdir(exist_ok=True)
        document = self.folder / "bench.json"
        document.write_text(json.dumps(self.DOCUMENT))
        result = subprocess.run([self.program, "apply", "-c", self.config, document],
                                capture_output=True, text=True, timeout=60)
        if result.returncode != 0:
            raise CannotRun("mast apply: " + " ".join((result.stdout + result.stderr).split()))

    def serve(self):
        self.launch([self.program, "serve", "-c", self.config])

    def start(self):
        self.apply()
        self.serve()
        self.wait()


class Floor(Server):
    name = "floor"

    def start(self):
        self.tool = Tool(self.options.tools, "floor", SERVER_CORE, port=self.port)
        self.process = self.tool.process
        self.tool.line(10)

    def stop(self):
        self.tool.stop()


class Icecast(Server):
    name = "icecast2"
    needs = "icecast2"
    joins_per_s = 200        # its queue of new connections holds five

    CONFIG = """<icecast>
  <limits><clients>20000</clients><sources>4</sources><queue-size>524288</queue-size>
    <client-timeout>30</client-timeout><header-timeout>15</header-timeout>
    <source-timeout>10</source-timeout><burst-size>65535</burst-size></limits>
  <authentication><source-password>{key}</source-password><relay-password>{key}</relay-password>
    <admin-user>admin</admin-user><admin-password>{key}</admin-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><basedir>/usr/share/icecast2</basedir><logdir>{folder}</logdir>
    <webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog>
    <loglevel>2</loglevel></logging>
</icecast>
"""

    def start(self):
        config = self.folder / "icecast.xml"
        config.write_text(self.CONFIG.format(port=self.port, folder=self.folder, key=KEY))
        self.folder.chmod(0o777)
        command = ["icecast2", "-c", config]
        if os.geteuid() == 0:  # it refuses to run as root
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] + command
        self.launch(command)
        self.wait()


class Nginx(Server):
    name = "nginx"
    needs = "nginx"

    CONFIG = """daemon off; worker_processes 1;
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  open_file_cache max=1000; types {{ text/css css; text/plain txt; text/javascript js; }}
  server {{ listen 127.0.0.1:{port}; root {folder}/root; }}
}}
"""

    def __init__(self, options, path, body):
        super().__init__(options)
        target = self.folder / "root" / path.lstrip("/")
        target.parent.mkdir(parents=True)
        target.write_bytes(body)
        self.worker = None

    @property
    def pid(self):
        """The worker's: the master does nothing."""
        if self.worker is None:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            self.worker = int(children.read_text().split()[0])
        return self.worker

    def start(self):
        config = self.folder / "nginx.conf"
        config.write_text(self.CONFIG.format(port=self.port, folder=self.folder))
        self.launch(["nginx", "-c", config, "-e", self.folder / "error.log"])
        self.wait()
        wait_until("nginx's worker", 5, lambda: self.pid)


def first_byte_s(server, path, timeout_s=30):
    """From the exec of the server to the first byte of its answer, which must be a 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    began = time.monotonic()
    server.serve()
    while time.monotonic() - began < timeout_s:
        with socket.socket() as asker:
            if asker.connect_ex(("127.0.0.1", server.port)) == 0:
                asker.settimeout(timeout_s)
                asker.sendall(request)
                head = asker.recv(64)
                took_s = time.monotonic() - began
                if b" 200" not in head[:13]:
                    raise CannotRun(f"{path}: {head[:40]!r}")
                return took_s
        if server.process.poll() is not None:
            server.answers()  # raises with what it said
        time.sleep(0.001)
    raise CannotRun(f"{path}: no answer within {timeout_s} s")
