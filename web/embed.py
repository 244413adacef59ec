#!/usr/bin/env python3
"""Puts files of web/ into the program.

    embed.py OUT.S FOLDER NAME=FILE...

Writes an assembler file that takes in each file as it is, compressed with gzip, and, where the tool
is installed, with brotli. Symbols: web_NAME_plain, _gzip, _brotli, each with its _end, and
web_NAME_hash, the first 16 digits of its SHA-256, which stands in its address.
"""
import gzip
import hashlib
import pathlib
import shutil
import subprocess
import sys

HEAD = """\
/* Made by web/embed.py. */
    .section .note.GNU-stack,"",@progbits
    .section .rodata
"""

ONE = """
    .balign 16
    .globl web_{name}
    .hidden web_{name}
web_{name}:
    .incbin "{path}"
    .globl web_{name}_end
    .hidden web_{name}_end
web_{name}_end:
    .byte 0
"""

HASH = """
    .globl web_{name}_hash
    .hidden web_{name}_hash
web_{name}_hash:
    .asciz "{hash}"
"""


def brotli(text):
    tool = shutil.which("brotli")
    if not tool:
        return b""
    run = subprocess.run([tool, "-q", "11", "-c"], input=text, stdout=subprocess.PIPE, check=True)
    return run.stdout


def main():
    out, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    parts = [HEAD]
    for argument in sys.argv[3:]:
        name, _, source = argument.partition("=")
        text = pathlib.Path(source).read_bytes()
        forms = {"plain": text, "gzip": gzip.compress(text, 9, mtime=0), "brotli": brotli(text)}
        for form, body in forms.items():
            path = (folder / f"{name}.{form}").resolve()
            path.write_bytes(body)
            parts.append(ONE.format(name=f"{name}_{form}", path=path))
        parts.append(HASH.format(name=name, hash=hashlib.sha256(text).hexdigest()[:16]))
    out.write_text("".join(parts))


main()
