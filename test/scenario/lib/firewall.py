"""Cuts a connection without either end being told: by a packet filter where this machine lets us,
else by a relay between the two that stops carrying anything."""
import contextlib
import shutil
import socket
import subprocess
import threading

from lib.station import free_port


class PacketFilter:
    """Drops what one connection sends to `port`, by nftables on loopback."""

    def __init__(self, port):
        self.port, self.far_port = port, port
        self.table = f"mast_test_{port}"

    @staticmethod
    def works():
        if not shutil.which("nft"):
            return False
        made = subprocess.run(["nft", "add table inet mast_test_probe"], capture_output=True,
                              check=False)
        subprocess.run(["nft", "delete table inet mast_test_probe"], capture_output=True,
                       check=False)
        return made.returncode == 0

    def cut(self, from_port):
        rules = (f"table inet {self.table} {{ chain in {{ type filter hook input priority 0; "
                 f"tcp dport {self.port} tcp sport {from_port} drop; }}; }}")
        subprocess.run(["nft", rules], check=True, capture_output=True)

    def mend(self):
        subprocess.run(["nft", f"delete table inet {self.table}"], check=False,
                       capture_output=True)

    close = mend


class StoppedRelay:
    """Stands between: a port of its own, whose connections are carried to `port`."""

    def __init__(self, port):
        self.port = port
        self.may_carry = threading.Event()
        self.may_carry.set()
        self.far_port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.far_port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one, other):
        with contextlib.suppress(OSError):
            while True:
                got = one.recv(65536)
                self.may_carry.wait()
                if not got:
                    break
                other.sendall(got)
            other.shutdown(socket.SHUT_WR)

    def cut(self, from_port):
        self.may_carry.clear()

    def mend(self):
        self.may_carry.set()

    def close(self):
        self.mend()
        self.listener.close()


def between(port):
    return PacketFilter(port) if PacketFilter.works() else StoppedRelay(port)
