"""Where alarms go to: a webhook and a mail server, and the configuration that leads there."""
import http.server
import json
import socket
import threading


class Hook:
    """A webhook that keeps what is posted to it; with a context it speaks TLS."""

    def __init__(self, status=204, context=None):
        self.status, self.context = status, context
        self.posts = []  # (path, headers, document)
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # who leaves in the middle is expected
        self.port = self.server.server_address[1]
        if context:  # the handshake is the handler's, on its own thread
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        place = f"https://localhost:{self.port}" if self.context else f"http://127.0.0.1:{self.port}"
        return f"{place}/hooks/secret"

    def states(self, kind):
        return [document["state"] for _, _, document in self.posts if document["kind"] == kind]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mailbox:
    """A mail server that takes everything. With a context it speaks TLS: after STARTTLS, or with
    from_the_start at once; then it offers a login too. .said has (over TLS?, line)."""

    def __init__(self, context=None, from_the_start=False):
        self.mails, self.said = [], []
        self.context, self.from_the_start = context, from_the_start
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock:
            try:
                if self.from_the_start:
                    sock = self.context.wrap_socket(sock, server_side=True)
                self._talk(sock, self.from_the_start, b"220 mail.example ESMTP\r\n")
            except OSError:
                pass  # who does not trust us leaves

    def _talk(self, sock, is_secret, greeting):
        offer = [b"mail.example", b"AUTH PLAIN" if is_secret else b"STARTTLS"]
        with sock.makefile("rwb", 0) as file:
            file.write(greeting)
            for line in file:
                self.said.append((is_secret, line.decode().rstrip("\r\n")))
                word = line[:4].upper()
                if word == b"STAR" and self.context:
                    file.write(b"220 go on\r\n")
                    break
                if word == b"DATA":
                    file.write(b"354 go on\r\n")
                    mail = b""
                    for part in file:
                        if part == b".\r\n":
                            break
                        mail += part
                    self.mails.append(mail.decode())
                if word == b"EHLO" and self.context:
                    file.write(b"250-%s\r\n250 %s\r\n" % tuple(offer))
                elif word == b"AUTH":
                    file.write(b"334 \r\n")
                elif self.said[-2:-1] == [(is_secret, "AUTH PLAIN")]:
                    file.write(b"235 welcome\r\n")
                else:
                    file.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")
            else:
                return
        with self.context.wrap_socket(sock, server_side=True) as secret:
            self._talk(secret, True, b"")

    def close(self):
        self.listener.close()


def by_hook(hook, **more):
    return {"alarm_webhook": f'"{hook.url}"', "alarm_webhook_private": "true", **more}


def by_mail(mailbox, server=None, **more):
    return {
        "alarm_mail_server": f'"{server or f"smtp://127.0.0.1:{mailbox.port}"}"',
        "alarm_mail_from": '"mast@radio.example"',
        "alarm_mail_to": '"engineer@radio.example"',
        **more,
    }


def alarm_test(station):
    return station.run("alarm", "test", "-c", station.config, check=False)
