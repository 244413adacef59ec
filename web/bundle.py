#!/usr/bin/env python3
"""Makes the player's two scripts: web/player as one file, and hls.js as it comes from npm.

    bundle.py WEB MODULES PLAYER.js HLS.js [--none]

WEB is this folder, MODULES a folder of the build's own into which npm installs what the lock file
names, once. Without node and npm, or without a network for the first time, both files are left
empty, a line says so, and pages have the browser's own player. Nothing is written when nothing
changed; --none: do not even try.
"""
import hashlib
import pathlib
import shutil
import subprocess
import sys
import time

NODE_MIN = 18
TRY_AGAIN_S = 600
INSTALL_S = 180
NAMES = ("package.json", "package-lock.json")
HLS = "node_modules/hls.js/dist/hls.light.min.mjs"
BANNER = "/* hls.js, light build; Apache License 2.0; the hls.js authors */\n"


class Missing(Exception):
    """Why there are no scripts."""


def run(*command, cwd, timeout):
    try:
        done = subprocess.run(command, cwd=cwd, timeout=timeout, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except (OSError, subprocess.TimeoutExpired) as fault:
        return 1, str(fault)
    return done.returncode, done.stdout


def check_node():
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise Missing("there is no node or no npm")
    code, text = run(node, "--version", cwd="/", timeout=20)
    major = text.strip().lstrip("v").partition(".")[0]
    if code or not major.isdigit() or int(major) < NODE_MIN:
        raise Missing(f"node {text.strip()} is older than {NODE_MIN}")
    return node, npm


def install(web, modules):
    """What the lock file names is in MODULES afterwards."""
    wish = hashlib.sha256(b"".join((web / name).read_bytes() for name in NAMES)).hexdigest()
    done, failed = modules / "installed", modules / "failed"
    if done.exists() and done.read_text() == wish and (modules / HLS).exists():
        return wish
    if failed.exists() and failed.read_text() == wish and \
            time.time() - failed.stat().st_mtime < TRY_AGAIN_S:
        raise Missing("npm could not fetch its packages some minutes ago")
    _, npm = check_node()
    modules.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        shutil.copyfile(web / name, modules / name)
    code, text = run(npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund",
                     "--prefer-offline", "--fetch-retries=1", "--fetch-timeout=30000",
                     cwd=modules, timeout=INSTALL_S)
    if code:
        (modules / "npm.log").write_text(text)
        failed.write_text(wish)
        raise Missing(f"npm could not fetch its packages, see {modules / 'npm.log'}")
    failed.unlink(missing_ok=True)
    done.write_text(wish)
    return wish


def write(path, body):
    if not path.exists() or path.read_bytes() != body:
        path.write_bytes(body)


def bundle(web, modules, player):
    node = shutil.which("node")
    code, text = run(node, modules / "node_modules/esbuild/bin/esbuild", "player/main.ts",
                     "--bundle", "--minify", "--format=esm", "--target=es2020",
                     "--charset=utf8", "--log-level=warning", f"--outfile={player}.new",
                     cwd=web, timeout=60)
    if code:
        sys.exit(text)
    made = player.with_name(player.name + ".new")
    write(player, made.read_bytes())
    made.unlink()


def main():
    web, modules, player, hls = (pathlib.Path(x).resolve() for x in sys.argv[1:5])
    try:
        if "--none" in sys.argv:
            raise Missing("")
        wish = install(web, modules)
        sources = sorted((web / "player").glob("*.ts"))
        state = hashlib.sha256((wish + "".join(f"{x.name}\n{x.read_text()}" for x in sources))
                               .encode()).hexdigest()
        stamp = modules / "bundled"
        if stamp.exists() and stamp.read_text() == state and player.exists() and hls.exists():
            return
        check_node()
        bundle(web, modules, player)
        text = (modules / HLS).read_text().partition("\n//# sourceMappingURL=")[0]
        write(hls, (BANNER + text + "\n").encode())
        stamp.write_text(state)
    except Missing as why:
        if str(why):
            print(f"The listening page gets no player of its own: {why}.")
        write(player, b"")
        write(hls, b"")
        (modules / "bundled").unlink(missing_ok=True)


main()
