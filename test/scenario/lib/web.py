"""HTTP by hand over plain sockets, so that a test can send what no client library would."""
import base64
import dataclasses
import re
import socket
import time


def basic(user, key):
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


@dataclasses.dataclass
class Answer:
    status: int
    line: str
    headers: dict  # names in lower case; the last of several wins
    raw_headers: list
    body: bytes

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


def connect(port, timeout=10, host="127.0.0.1"):
    sock = socket.create_connection((host, port), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    found = re.fullmatch(r"(?:HTTP/1\.[01]|ICY) (\d{3})(?: .*)?", lines[0])
    assert found, f"no status line: {lines[0]!r}"
    raw = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if ":" in line]
    return int(found[1]), lines[0], {name.lower(): value for name, value in raw}, raw


class Reader:
    """Reads answers off one connection, one after the other."""

    def __init__(self, sock):
        self.sock = sock
        self.rest = b""

    def _more(self):
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError:
            got = b""
        self.rest += got
        return bool(got)

    def head(self):
        """The next head without its end, or None if the connection closed before one."""
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                return None
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        return head

    def exactly(self, count):
        while len(self.rest) < count and self._more():
            pass
        out, self.rest = self.rest[:count], self.rest[count:]
        return out

    def to_end(self):
        while self._more():
            pass
        out, self.rest = self.rest, b""
        return out

    def chunks(self):
        out = b""
        while True:
            while b"\r\n" not in self.rest:
                if not self._more():
                    return out
            size, self.rest = self.rest.split(b"\r\n", 1)
            size = int(size.split(b";")[0], 16)
            out += self.exactly(size)
            self.exactly(2)
            if size == 0:
                return out

    def answer(self, method="GET"):
        """The next whole answer, or None at the end of the connection."""
        head = self.head()
        if head is None:
            return None
        status, line, headers, raw = parse_head(head)
        if method == "HEAD" or status in (204, 304) or status < 200:
            body = b""
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            body = self.chunks()
        else:
            body = self.to_end()
        return Answer(status, line, headers, raw, body)


def head_bytes(method, path, headers=None, version="1.1", host="127.0.0.1"):
    lines = [f"{method} {path} HTTP/{version}"]
    headers = dict(headers or {})
    if version == "1.1" and not any(name.lower() == "host" for name in headers):
        headers["Host"] = host
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def request(port, method, path, headers=None, body=b"", version="1.1", timeout=20):
    headers = dict(headers or {})
    headers.setdefault("Connection", "close")
    if body:
        headers.setdefault("Content-Length", len(body))
    with connect(port, timeout) as sock:
        sock.sendall(head_bytes(method, path, headers, version) + body)
        answer = Reader(sock).answer(method)
    if answer is None:
        raise ConnectionError("closed without an answer")
    return answer


def get(port, path, headers=None, **more):
    return request(port, "GET", path, headers, **more)


def raw(port, data, timeout=10, shut=False):
    """Sends bytes as they are; returns all that comes back until the other side closes or `timeout`
    passes: (bytes, closed)."""
    got, closed = b"", False
    with connect(port, timeout) as sock:
        try:
            sock.sendall(data)
            if shut:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                piece = sock.recv(65536)
            except socket.timeout:
                break
            except OSError:
                piece = b""
            if not piece:
                closed = True
                break
            got += piece
    return got, closed


def status_of(data):
    found = re.match(rb"HTTP/1\.[01] (\d{3})", data)
    return int(found[1]) if found else None
