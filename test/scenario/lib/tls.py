"""Certificates of a test's own authority, made with openssl, and servers that show them."""
import pathlib
import ssl
import subprocess
import time

CONFIG = """[ca]
default_ca = test
[test]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
DAY_S = 86400


class Authority:
    """Certificates that only who trusts .file accepts."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.file = self.folder / "authority.pem"
        (self.folder / "config").write_text(CONFIG)
        (self.folder / "index").write_text("")
        (self.folder / "serial").write_text("01\n")
        self._openssl("req", "-x509", *KEY, "-keyout", "authority.key", "-out", self.file,
                      "-days", "2", "-subj", "/CN=Authority of the tests",
                      "-config", "config", "-extensions", "authority")

    def _openssl(self, *args):
        done = subprocess.run(["openssl", *map(str, args)], cwd=self.folder, capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == 0, f"openssl {args}: {done.stderr}"

    def server(self, name="localhost", from_s=-DAY_S, to_s=DAY_S, self_signed=False):
        """A context that shows a certificate for a name, valid for these seconds from now."""
        stem = f"{name}-{from_s}-{to_s}-{self_signed}"
        cert, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        (self.folder / "names").write_text(f"subjectAltName = DNS:{name}\n"
                                           "extendedKeyUsage = serverAuth\n")
        if self_signed:
            self._openssl("req", "-x509", *KEY, "-keyout", key, "-out", cert, "-days", "1",
                          "-subj", f"/CN={name}", "-config", "config",
                          "-addext", f"subjectAltName=DNS:{name}")
        else:
            self._openssl("req", "-new", *KEY, "-keyout", key, "-out", "request",
                          "-subj", f"/CN={name}", "-config", "config")
            self._openssl("ca", "-batch", "-notext", "-config", "config", "-in", "request",
                          "-out", cert, "-cert", self.file, "-keyfile", "authority.key",
                          "-startdate", _when(from_s), "-enddate", _when(to_s),
                          "-extfile", "names")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context


def _when(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))
