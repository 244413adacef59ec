"""Bad input: one clear error to the caller, one line in the log, and nothing that plays disturbed.

Every test keeps a source and a listener going, and the listener must have heard nothing of it.
"""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

from lib import ears, sound, web
from lib.sources import Child, RawSource, pieces, set_title, tone_source
from lib.station import BUILD, MAST, ROOT, SHOUTCAST_KEY, free_port, wait_for

HEADS = ROOT / "test" / "data" / "heads.txt"


@contextlib.contextmanager
def undisturbed(station, seconds=0.0):
    """A source and a listener that must not notice what happens meanwhile."""
    with tone_source(station.port, hz=440) as source, ears.Ear(station.port) as ear:
        source.start()
        station.wait_on_air()
        time.sleep(3.5)
        ear.start().wait_seconds(3)
        yield ear
        if seconds:
            time.sleep(seconds)
        ear.wait_bytes(len(ear.sound) + 16000, 10)
        assert not source.is_cut_off() and not ear.closed.is_set()
    heard = sound.decode(bytes(ear.sound))
    assert sound.pitch_hz(heard) == pytest.approx(440, abs=6)
    assert sound.holes_ms(heard, skip_s=0.1) == 0
    assert sound.largest_step(heard[1600:]) < 1.1 * sound.tone_step(440)
    assert ears.underruns(ear.arrived_s()) == 0


@pytest.fixture
def playing(mast):
    """A station whose source and listener must not notice what a test does."""
    with undisturbed(mast):
        yield mast


# ---- the table of heads: B39 (smuggling), B2, B4

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}


def unescape(text):
    out, rest = b"", text
    while rest:
        plain, slash, rest = rest.partition("\\")
        out += plain.encode("latin-1")
        if not slash:
            break
        if rest[0] == "x":
            out += bytes([int(rest[1:3], 16)])
            rest = rest[3:]
        else:
            out += ESCAPES[rest[0]]
            rest = rest[1:]
    return out


def table():
    rows = []
    for line in HEADS.read_text(encoding="latin-1").splitlines():
        if line and not line.startswith("#"):
            name, verdict, data = line.split(" | ", 2)
            rows.append((name, verdict, unescape(data)))
    return rows


def talk(port, data, quiet_s=0.6):
    """Sends one head; returns all that comes back until it closes or is quiet for a while."""
    got, closed = b"", False
    with web.connect(port, 5) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
        sock.settimeout(quiet_s)
        try:
            while not closed:
                piece = sock.recv(65536)
                closed = not piece
                got += piece
        except socket.timeout:
            pass
        except OSError:
            closed = True
    return got, closed


def in_parallel(work, items, threads=16):
    """Calls work(item) for all items from some threads; returns the results in order."""
    results, queue = [None] * len(items), list(enumerate(items))
    lock = threading.Lock()

    def run():
        while True:
            with lock:
                if not queue:
                    return
                index, item = queue.pop()
            results[index] = work(item)

    crew = [threading.Thread(target=run) for _ in range(threads)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    return results


@pytest.mark.quick
def test_the_table_of_malformed_heads(playing):
    rows = table()
    assert len(rows) > 200
    faults = []
    for (name, verdict, data), (got, closed) in zip(
            rows, in_parallel(lambda row: talk(playing.port, row[2]), rows, 24)):
        status = web.status_of(got)
        if verdict == "ok":
            good = status is not None and (status not in (400, 414, 431, 501, 505) or
                                           data.startswith((b"PUT", b"SOURCE")))
        elif verdict == "more":
            good = status is None and not closed
        else:
            # Here a line that is no HTTP at all may be a SHOUTcast password, and is a wrong one.
            good = (status == int(verdict) or got.startswith(b"invalid password")) and closed
        if not good:
            faults.append(f"{name}: said {verdict}, got {got[:60]!r}, closed {closed}")
    assert not faults, "\n".join(faults)


def test_one_refused_head_is_one_line_in_the_log(playing):
    before = len(playing.log_lines())
    for _ in range(20):
        talk(playing.port, b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n")
    assert len(playing.log_lines()) - before <= 22


NGINX = """daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
{user}
events {{ worker_connections 512; }}
http {{ log_format up "UP $upstream_status END $request"; access_log {folder}/up.log up;
  proxy_next_upstream off; client_body_temp_path {folder}/t1;
  proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4;
  scgi_temp_path {folder}/t5; keepalive_timeout 2;
  upstream mast {{ server 127.0.0.1:{to}; keepalive 8; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://mast; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_read_timeout 3s; }} }} }}
"""
HAPROXY = """global
  maxconn 400
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  retries 0
  timeout connect 3s
  timeout client 3s
  timeout server 3s
  option http-keep-alive
  http-reuse always
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  server mast 127.0.0.1:{to}
"""


def proxy(kind, folder, to):
    port = free_port()
    if kind == "nginx":
        conf = folder / "nginx.conf"
        user = "user root;" if os.getuid() == 0 else ""
        conf.write_text(NGINX.format(folder=folder, port=port, to=to, user=user))
        child = Child(["/usr/sbin/nginx", "-c", str(conf), "-p", str(folder)], folder)
    else:
        conf = folder / "haproxy.cfg"
        conf.write_text(HAPROXY.format(port=port, to=to))
        child = Child(["/usr/sbin/haproxy", "-f", str(conf)], folder)
    try:
        wait_for(lambda: _connects(port), 10, why=f"{kind} does not run: {child.text()}")
    except BaseException:
        child.stop()
        raise
    return port, child


def _connects(port):
    try:
        web.connect(port, 2).close()
        return True
    except OSError:
        return False


def _answers(data):
    """How many final answers a byte string holds."""
    return len(re.findall(rb"(?:^|(?<=\n)|(?<=[^\n]))HTTP/1\.[01] [2-5]\d\d", data))


def _forwarded(kind, folder, child):
    """How many requests the proxy says that it sent on."""
    if kind == "haproxy":
        return child.text().count(" b/mast ")
    states = re.findall(r"UP (.*?) END", (folder / "up.log").read_text(errors="replace"))
    return sum(state != "-" for state in states)


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_behind_a_proxy_the_table_makes_as_many_requests_as_the_proxy_sent(mast, tmp_path, kind):
    """Behind each head comes a request more: what the proxy takes for a body and mast for a
    request, or the other way round, makes the counts differ."""
    rows = [row for row in table() if row[1] != "more" and b"\r\n\r\n" in row[2]]
    port, child = proxy(kind, tmp_path, mast.port)
    log = mast.data / "access.log"
    began = len(log.read_bytes().splitlines())
    differed = []

    def difference():
        return len(log.read_bytes().splitlines()) - began - _forwarded(kind, tmp_path, child)

    def settle(seconds):
        # A proxy writes its line when a request is over, at the latest after its time-outs of 3 s.
        end = time.monotonic() + seconds
        while difference() != 0 and time.monotonic() < end:
            time.sleep(0.3)

    with child:
        for at in range(0, len(rows), 24):
            batch = rows[at:at + 24]
            in_parallel(lambda row: talk(port, row[2] + b"GET /more HTTP/1.1\r\nHost: x\r\n\r\n"),
                        batch, 12)
            settle(5)
            if difference() != 0:
                differed.append([name for name, _, _ in batch])
        time.sleep(4)
        settle(10)
        assert _forwarded(kind, tmp_path, child) > 50
        assert difference() == 0, f"requests at mast - at {kind}: {difference()}; from {differed}"


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_behind_a_proxy_requests_and_answers_are_as_many(mast, tmp_path, kind):
    port, child = proxy(kind, tmp_path, mast.port)
    log = mast.data / "access.log"
    with child:
        for number in range(60):
            with web.connect(port) as sock:
                sock.sendall(f"GET /-/live?n={number}a HTTP/1.1\r\nHost: a\r\n\r\n"
                             f"GET /-/live?n={number}b HTTP/1.1\r\nHost: a\r\n"
                             "Connection: close\r\n\r\n".encode())
                assert _answers(web.Reader(sock).to_end()) == 2
    wait_for(lambda: "n=59b" in log.read_text(), 5)
    assert len(re.findall(r"/-/live\?n=\d+[ab] ", log.read_text())) == 120


# ---- sizes: B3, B4, B5


@pytest.mark.quick
def test_long_targets_and_headers_are_refused_by_their_size(playing):
    memory = playing.rss_bytes()
    for length in (0, 1, 100, 1000, 4000, 5000, 8191, 8192, 8193, 16384, 65536, 65537, 1 << 20):
        got, _ = talk(playing.port, b"GET /" + b"a" * length + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        # RFC 9110: 404 in size, 414 over it; a connection that is reset told it less gently.
        assert web.status_of(got) in ((404, 200) if length <= 1000 else (404, 414, 431, None)), length
        got, _ = talk(playing.port, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"b" * length +
                      b"\r\n\r\n")
        assert web.status_of(got) in ((200,) if length <= 4000 else (200, 431, None)), length
        if 20000 < length:
            assert web.status_of(got) != 200
    assert playing.rss_bytes() - memory < 32 << 20


def test_many_headers_are_refused_by_their_number(playing):
    for count in (1, 31, 32, 33, 60, 100, 1000, 10000):
        lines = b"".join(b"X-%d: y\r\n" % n for n in range(count))
        got, closed = talk(playing.port, b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
        if count < 50:
            assert web.status_of(got) == 200, count
        elif count >= 100:
            assert web.status_of(got) in (431, None) and closed, (count, got[:80])


def test_base64_of_every_kind_is_401_or_400(playing):
    values = ["", "=", "====", "a", "ab", "abc", "abcd", "!!!!", "YTpi" * 5000, "YTpi\x7f", "YTpi=",
              "YTpi==", "Og==", "OjpiOg==", "\\", "%41", "YQ", "YQ=", "YQ=\u00e9"]
    for value in values:
        for scheme in ("Basic ", "basic ", "BASIC  ", "Bearer ", "Digest ", ""):
            got, _ = talk(playing.port, f"SOURCE /wxyz HTTP/1.0\r\nAuthorization: {scheme}{value}"
                          "\r\nContent-Type: audio/mpeg\r\n\r\n".encode("latin-1"), 2.5)
            assert web.status_of(got) in (400, 401, 431), (scheme, value[:40], got[:80])


# ---- limits: B15, B16, B41


def test_a_hundred_mute_connections_stop_nobody(playing):
    crowd = []
    for _ in range(100):
        with contextlib.suppress(OSError):
            crowd.append(web.connect(playing.port))
    began = time.monotonic()
    while time.monotonic() - began < 6:
        with contextlib.suppress(ConnectionError):
            pass
        # From another address, for the limit is of one.
        with socket.create_connection(("127.0.0.1", playing.port), 5, ("127.0.0.2", 0)) as sock:
            sock.sendall(b"GET /-/live HTTP/1.0\r\n\r\n")
            assert web.Reader(sock).answer().status == 200
        time.sleep(0.5)
    with RawSource(playing.port, "/studio-b", key=SHOUTCAST_KEY,
                   data=sound.clip("mp3", 30)) as second:
        second.start()
    for sock in crowd:
        sock.close()


def test_a_mute_connection_ends_after_the_time_for_a_head(playing):
    with web.connect(playing.port) as sock:
        began = time.monotonic()
        sock.settimeout(12)
        data = sock.recv(1000)
        assert web.status_of(data) in (None, 408)
        assert 3.5 < time.monotonic() - began < 9


def test_a_head_that_comes_byte_by_byte_is_ended_in_time(playing):
    with web.connect(playing.port) as sock:
        began, closed = time.monotonic(), False
        try:
            for byte in b"GET / HTTP/1.1\r\nHost: " + b"a" * 200:
                sock.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            closed = True
        took = time.monotonic() - began
        assert closed and took < 9, "slow heads are never ended"


SLOW = {"headers": "-H", "body": "-B", "range": "-R", "read": "-X"}


@pytest.mark.parametrize("kind", list(SLOW))
def test_slowhttptest_stops_nobody(playing, tmp_path, kind):
    more = ["-a", "10", "-b", "3000", "-t", "HEAD"] if kind == "range" else []
    more += ["-w", "10", "-y", "20", "-n", "5", "-z", "32", "-k", "3"] if kind == "read" else []
    url = f"http://127.0.0.1:{playing.port}/" + ("status-json.xsl" if kind == "read" else "")
    args = ["slowhttptest", "-c", "200", SLOW[kind], "-i", "2", "-r", "100", "-l", "12", "-x", "24",
            "-p", "3", *more, "-u", url]
    with Child(args, tmp_path) as child:
        while child.is_running():
            with socket.create_connection(("127.0.0.1", playing.port), 5, ("127.0.0.2", 0)) as sock:
                sock.sendall(b"GET /-/live HTTP/1.0\r\n\r\n")
                assert web.Reader(sock).answer().status == 200
            time.sleep(0.5)
    assert "Exit status" in child.text() or "exit status" in child.text(), child.text()[-800:]


def test_counters_are_true_after_many_aborted_connections(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        sockets = mast.open_sockets()
        linger = struct.pack("ii", 1, 0)

        def abort(number):
            with contextlib.suppress(OSError):
                sock = web.connect(mast.port)
                sock.sendall([b"GET /wxyz.mp3 HTTP/1.0\r\n\r\n", b"GET", b"",
                              b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"][number % 4])
                if number % 3 == 0:
                    sock.settimeout(1)
                    sock.recv(100)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # ends with RST
                sock.close()

        in_parallel(abort, list(range(2000)), 20)
        wait_for(lambda: mast.mounts()["/wxyz/mp3-128.mp3"]["listeners"] == 0, 20)
        wait_for(lambda: mast.open_sockets() <= sockets + 2, 20,
                 why=f"{mast.open_sockets()} sockets, {sockets} before")


# ---- paths: B1, B2, B6, B28

TRAVERSALS = [
    "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
    "/%252e%252e/%252e%252e/etc/passwd", "/..\\..\\etc\\passwd", "/..%5c..%5cetc%5cpasswd",
    "/%00", "/wxyz%00.mp3", "/%c0%ae%c0%ae/etc/passwd", "/%e0%80%ae%e0%80%ae/etc/passwd",
    "//etc/passwd", "/./etc/passwd", "/wxyz/../../etc/passwd", "/site/../../../etc/passwd",
    "/site/%2e%2e/%2e%2e/keys", "/listen/..%2f..%2fkeys", "/wxyz/mp3-128.mp3/../../keys",
    "/status-json.xsl.", "/status-json.xsl/", "/status-json.xsl\\", "/admin/../keys",
    "/-/air/../../keys", "/-/air/%2e%2e", "/data/board.json", "/board.json", "/keys",
    "/wxyz.", "/wxyz/", "/wxyz\\", "/wxyz.mp3.", "/wxyz.mp3/", "/wxyz.mp3\\", "/%", "/%g", "/%2",
    "/%ff%fe", "/wxyz/mp3-128.mp3%2e", "/wxyz;/x", "/...", "/..../..../etc/passwd", "/%2f%2fetc",
    "/proc/self/environ", "/file:///etc/passwd", "/~root", "/wxyz/..;/..;/etc/passwd",
]


@pytest.mark.quick
def test_no_path_leads_out(playing):
    secrets = (b"root:", (playing.data / "keys").read_bytes().split()[1])
    for path in TRAVERSALS:
        got, _ = talk(playing.port, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                      .encode("latin-1"), 1.0)
        assert web.status_of(got) in (400, 404), (path, got[:80])
        assert not any(secret in got for secret in secrets), path


def test_no_path_makes_mast_open_a_file(make_mast, tmp_path):
    trace = tmp_path / "trace"
    # The leak checker cannot run in a process that is traced already.
    options = os.environ.get("ASAN_OPTIONS", "")
    station = make_mast(prefix=["strace", "-f", "-qq", "-o", str(trace), "-e",
                                "trace=open,openat,openat2,creat,stat,newfstatat,readlink,access"],
                        env={"ASAN_OPTIONS": options + ":detect_leaks=0"})
    wait_for(lambda: station.get("/").status == 200, 20)
    time.sleep(0.5)
    before = trace.stat().st_size
    for path in TRAVERSALS:
        talk(station.port, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
             .encode("latin-1"), 0.5)
    time.sleep(0.5)
    with open(trace, encoding="utf-8", errors="replace") as lines:
        lines.seek(before)
        for line in lines:
            for name in re.findall(r'"([^"]*)"', line):
                inside = name.startswith((str(station.data), "/proc", "/sys", "/usr/share/zoneinfo",
                                          "/etc/localtime", "/usr/lib", "/lib"))
                assert inside or not name.startswith("/"), line
                assert "passwd" not in name and "keys" not in name, line


# ---- text that goes elsewhere: B7, B12, B14


@pytest.mark.quick
def test_every_byte_in_every_field_is_one_line_in_the_log(playing):
    access = playing.data / "access.log"
    before = len(access.read_bytes().splitlines())
    count = 0
    for byte in range(256):
        if byte in (0, 10, 13):
            continue  # those end a head or a line: rows of the table
        piece = bytes([byte])
        got, _ = talk(playing.port, b"GET /n" + (b"%%%02X" % byte) + b" HTTP/1.1\r\nHost: a\r\n"
                      b"User-Agent: u" + piece + b"v\r\nReferer: r" + piece +
                      b"\r\nConnection: close\r\n\r\n", 1.0)
        count += web.status_of(got) is not None
    time.sleep(1)
    lines = access.read_bytes().splitlines()
    # What is refused before it is a request may or may not have a line; none has two.
    assert len(lines) - before <= count
    assert len(lines) - before >= 90
    for line in lines:
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line), line
    for line in playing.log_text().splitlines():
        assert line.startswith("time="), line


def test_printf_signs_are_text_everywhere(mast):
    nasty = "%n%s%x%d%%"
    with tone_source(mast.port, headers={"Ice-Name": nasty, "Ice-Description": nasty,
                                         "User-Agent": nasty, "Ice-Genre": nasty}) as source:
        source.start()
        mast.wait_on_air()
        set_title(mast.port, nasty)
        wait_for(lambda: mast.title() == nasty, 8)
        with ears.Ear(mast.port, headers={"User-Agent": nasty}) as ear:
            ear.start().wait_title(nasty)
        for user in (nasty, "a" * 500, "'; DROP TABLE x; --"):
            other = RawSource(mast.port, user=user, key=nasty)
            assert other.login() in (400, 401)
            other.stop()
        assert nasty in mast.get("/").text.replace("&#37;", "%") or mast.get("/").status == 200


def test_a_hostile_title_is_text_in_pages_and_json(mast):
    hostile = '<img src=x onerror=alert(1)></script>"\'&{{x}}'
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        set_title(mast.port, hostile)
        wait_for(lambda: "onerror" in (mast.title() or ""), 8)
        for path in ("/", "/listen/wxyz", "/wxyz.mp3.xspf"):
            assert b"<img src=x" not in mast.get(path).body
        for path in ("/admin/stats", "/admin/listmounts"):
            assert b"<img src=x" not in mast.admin(path).body


def test_a_long_title_is_cut_at_a_character(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        with ears.Ear(mast.port) as ear:
            ear.start()
            # Percent-encoded it stays under the length of a target.
            assert set_title(mast.port, "ü" * 400).status == 200
            ear.wait(lambda: any(text.startswith("ü") for _, text in ear.titles), 15)
    title = [text for _, text in ear.titles if text.startswith("ü")][0]
    assert set(title) == {"ü"} and 200 <= len(title) <= 400


# ---- every endpoint with every kind of login: B10

ENDPOINTS = ["/", "/listen/wxyz", "/status-json.xsl", "/metrics", "/-/live", "/-/ready",
             "/-/air/wxyz", "/admin/stats", "/admin/listmounts", "/admin/listclients?mount=/wxyz",
             "/admin/killsource?mount=/nowhere", "/admin/killclient?mount=/wxyz&id=1",
             "/admin/metadata?mode=updinfo&mount=/wxyz&song=x", "/admin/streamlist.txt",
             "/admin/nonsense", "/admin.cgi?mode=updinfo&pass=x&song=y", "/wxyz.mp3.m3u"]


@pytest.mark.quick
def test_every_endpoint_stands_every_kind_of_login(mast):
    logins = [None, "", "Basic", "Basic !", "Digest a=b", "Basic Og==", web.basic("", ""),
              web.basic("admin", ""), web.basic("admin", "wrong"), web.basic("x" * 300, "y" * 300),
              web.basic("relay", mast.relay_key()), web.basic("admin", mast.admin_key())]
    for path in ENDPOINTS:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            for login in logins:
                headers = {} if login is None else {"Authorization": login}
                answer = web.request(mast.port, method, path, headers)
                assert answer.status < 500 or answer.status in (501, 503), (method, path, login)
                good = login in (logins[-1], logins[-2])
                if path.startswith("/admin/") and not good and method in ("GET", "POST"):
                    assert answer.status in (400, 401, 404, 405, 429), (method, path, login,
                                                                       answer.status)


def test_listeners_cannot_do_what_only_the_admin_may(mast):
    relay = {"Authorization": web.basic("relay", mast.relay_key())}
    assert mast.get("/admin/streamlist.txt", relay).status == 200
    for path in ("/admin/stats", "/admin/listmounts", "/admin/killsource?mount=/wxyz"):
        assert mast.get(path, relay).status == 401


# ---- a source that is logged in and sends what it should not


def on_second_input(station, **more):
    """A source on the station's other input, while the first one is on the air."""
    return RawSource(station.port, "/studio-b", key=SHOUTCAST_KEY, **more)


def let_in(station, answer=100, **more):
    """A source on the other input that may have to wait until the one before is let go, as every
    encoder tries again."""
    def try_once():
        source = on_second_input(station, **more)
        if source.login() == answer:
            return source
        source.stop()
        return None
    return wait_for(try_once, 5, why="the mount did not become free")


@pytest.mark.quick
def test_garbage_from_a_source_is_not_put_on_the_air(playing):
    with on_second_input(playing) as source:
        assert source.login() == 100
        for _ in range(40):
            with contextlib.suppress(OSError):
                source.send(os.urandom(16384))
            time.sleep(0.02)
        wait_for(lambda: playing.log_lines("source_bad") or source.is_cut_off(), 15,
                 why="nothing was said about a source of garbage")


@pytest.mark.parametrize("codec", ["mp3", "aac", "opus"])
def test_garbage_alone_never_comes_on_the_air(mast, codec):
    with RawSource(mast.port, codec=codec) as source:
        assert source.login() == 100
        with contextlib.suppress(OSError):
            for _ in range(20):
                source.send(os.urandom(8192))
                time.sleep(0.1)
        assert not mast.is_on_air()
    assert len(mast.log_lines()) < 60, "a source of garbage floods the log"


@pytest.mark.parametrize("codec", ["mp3", "aac", "opus"])
def test_damaged_sound_is_heard_again_after_the_damage(mast, codec):
    path = {"mp3": "/wxyz/mp3-128.mp3", "aac": "/wxyz/aac-96.aac", "opus": "/wxyz/opus-96.opus"}
    source = tone_source(mast.port, codec=codec, hz=440, repeat=False)
    for index in range(100, len(source.parts), 50):
        seconds, data = source.parts[index]
        kind = index // 50 % 3
        if kind == 0:
            data = data[:len(data) // 2]               # truncated
        elif kind == 1:
            data = os.urandom(len(data))               # overwritten
        else:
            data = data[:8] + b"\xff\xfb\x90\x64\xff\xf1OggS\x00" + data[19:]  # false beginnings
        source.parts[index] = (seconds, data)
    with source:
        source.start()
        mast.wait_on_air()
        with ears.Ear(mast.port, path[codec], metadata=False) as ear:
            ear.start().wait_seconds(12, 128 if codec == "mp3" else 90, seconds=40)
        assert not source.is_cut_off() or source.done.is_set()
    heard = sound.decode(bytes(ear.sound), "ogg" if codec == "opus" else codec)
    assert len(heard) > 6 * sound.RATE
    pitches = sound.pitches_hz(heard)
    assert (abs(pitches - 440) < 12).mean() > 0.6, pitches


def test_a_clip_cut_off_in_a_frame_hurts_nobody(playing):
    for cut in (1, 3, 4, 5, 100, 417, 418, 1000, 5001):
        with let_in(playing) as source:
            source.send(sound.clip("mp3", 30)[:cut])


def test_a_change_of_format_in_mid_stream_is_noted_and_survived(mast):
    """From 44.1 kHz stereo to 48 kHz mono, and to another codec altogether."""
    parts = pieces(sound.clip("mp3", 30, 440), "mp3")[:200]
    parts += pieces(sound.cached("mono-48.mp3", lambda: sound.encode(
        sound.tone(10, 440, 48000), "mp3", 1, 48000)), "mp3")[:200]
    parts += [(0.02, data) for _, data in pieces(sound.clip("aac", 30, 550), "aac")[:100]]
    parts += pieces(sound.clip("mp3", 30, 440), "mp3")[:400]
    with RawSource(mast.port, ahead_s=2.0) as source:
        source.parts = parts
        source.start()
        mast.wait_on_air()
        with ears.Ear(mast.port, metadata=False) as ear:
            ear.start().wait(lambda: source.done.is_set(), 60)
            heard = sound.decode(bytes(ear.sound), "mp3")
    assert len(mast.log_lines("source_format")) >= 2
    assert len(mast.log_lines()) < 80
    assert sound.pitch_hz(heard[-2 * sound.RATE:]) == pytest.approx(440, abs=6)


def test_a_source_at_twice_real_time_is_kept_at_the_clocks_pace(mast):
    """Its own socket holds it up; what listeners get stays in real time, without a hole."""
    with RawSource(mast.port, data=sound.clip("mp3", 60, 440), pace=2.0) as source:
        source.start()
        mast.wait_on_air()
        time.sleep(3)
        with ears.Ear(mast.port) as ear:
            ear.start().wait_seconds(3)
            at, got = time.monotonic(), len(ear.sound)
            time.sleep(12)
            rate = (len(ear.sound) - got) / (time.monotonic() - at) / 16000
    assert 0.85 < rate < 1.15, f"sound came at {rate:.2f} x real time"
    heard = sound.decode(bytes(ear.sound))
    assert sound.holes_ms(heard, skip_s=0.1) == 0
    assert sound.largest_step(heard[1600:]) < 1.1 * sound.tone_step(440)
    assert ears.underruns(ear.arrived_s()) == 0


def test_a_source_as_fast_as_it_can_fills_no_memory(mast):
    memory = mast.rss_bytes()
    with RawSource(mast.port, data=sound.clip("mp3", 60, 440), pace=0, repeat=True) as source:
        source.start()
        mast.wait_on_air()
        time.sleep(6)
        assert source.sent_bytes < 16 << 20, "nothing holds a fast source up"
    assert mast.rss_bytes() - memory < 64 << 20


def test_chunks_that_are_broken_end_the_source_alone(playing):
    for bad in (b"zz\r\n", b"-5\r\nabc\r\n", b"ffffffffffffffff1\r\n", b"5\r\nabcdefgh\r\n",
                b"5 \nabcde\r\n", b"0x3\r\nabc\r\n"):
        with let_in(playing, 200, chunked=True) as source:
            source.send(sound.clip("mp3", 30)[:8000])
            source.sock.sendall(bad)
            with contextlib.suppress(OSError):
                source.sock.sendall(b"\0" * 4000)
            wait_for(source.is_cut_off, 5, why=f"{bad!r} was taken")


def test_many_wrong_logins_hold_nobody_up(playing):
    def guess(number):
        source = RawSource(playing.port, key=f"guess-number-{number}")
        try:
            return source.login(timeout=15)
        finally:
            source.stop()

    assert set(in_parallel(guess, list(range(100)), 20)) <= {401, 429, None}
    # The right key from the same address is let in all the same, if later.
    with on_second_input(playing) as source:
        assert source.login(timeout=10) == 100


@pytest.mark.quick
def test_apply_documents_that_are_wrong_change_nothing(mast, tmp_path):
    board = (mast.data / "board.json").read_bytes()
    bad = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"stations": 5}', b'{"stations": [{}]}',
           b'{"stations": [{"slug": "api", "name": "x"}]}', b'{"stations": [], "stations": []}',
           b'{"stations": [{"slug": "../x", "name": "x"}]}', b"[" * 100000,
           b'{"stations": [{"slug": "wxyz", "sources": [{"user": "x", "mount": "/y", "key": "short"}'
           b"]}]}", b'{"unknown": 1}']
    for number, data in enumerate(bad):
        path = tmp_path / f"bad-{number}.json"
        path.write_bytes(data)
        done = mast.run("apply", "-c", mast.config, path, check=False)
        assert done.returncode == 1, (data[:60], done)
        assert done.stderr.strip(), data[:60]
    assert (mast.data / "board.json").read_bytes() == board


def test_a_child_inherits_no_descriptor(tmp_path):
    """Decks hold strangers' sound: each has 0 to 2 and the one socket it talks over."""
    port = free_port()
    with Child([str(MAST), "demo", "--port", str(port), "--data", str(tmp_path / "d"),
                "--past", "0"], tmp_path) as child:
        wait_for(lambda: _connects(port), 60, why=child.text())
        threads = pathlib.Path(f"/proc/{child.process.pid}/task")

        def decks():
            pids = [pid for one in threads.glob("*/children") for pid in one.read_text().split()]
            return pids if len(pids) >= 2 else None

        def has_only_its_own(pid):
            """One that still loads its libraries has them open; what is inherited stays."""
            held = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}")
                    for fd in os.listdir(f"/proc/{pid}/fd")}
            return len(held) <= 4 and all(fd <= 2 or target.startswith("socket:")
                                          for fd, target in held.items())

        for pid in wait_for(decks, 20, why="there are no two decks"):
            wait_for(lambda pid=pid: has_only_its_own(pid), 20,
                     why=f"{os.listdir(f'/proc/{pid}/fd')}")
