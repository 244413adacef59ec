"""Stands in for systemd as far as Type=notify goes: a socket that a service tells how it is."""
import contextlib
import socket
import threading
import time


class Manager:
    def __init__(self, folder):
        self.path, self.messages = str(folder / "notify"), []  # (monotonic time, text)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                text = self.sock.recv(4096).decode()
                self.messages.append((time.monotonic(), text))

    @property
    def heard(self):
        return [text for _, text in self.messages]

    def times(self, text):
        """When it was told this."""
        return [at for at, heard in self.messages if heard == text]

    def statuses(self):
        return [text.removeprefix("STATUS=") for text in self.heard if text.startswith("STATUS=")]
