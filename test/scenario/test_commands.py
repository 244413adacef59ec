"""The commands beside `mast serve`: what they may touch, and what they say when they may not."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from lib.sources import Child
from lib.station import MAST, document, free_port, wait_for
from lib import web

pytestmark = pytest.mark.quick


def mast(folder, *args):
    return subprocess.run([str(MAST), *map(str, args)], cwd=folder, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def config(folder, **settings):
    settings = {"listen": f'{{"127.0.0.1:{free_port()}"}}', **settings}
    path = pathlib.Path(folder) / "mast.conf"
    path.write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))
    return path


def save(folder, what, name="document.json"):
    path = pathlib.Path(folder) / name
    path.write_text(json.dumps(what))
    return path


def without_keys(slug):
    return {"stations": [{"slug": slug, "renditions": [{"slug": "mp3-128", "codec": "mp3"}],
                          "sources": [{"user": "anna"}]}]}


# ---- mast demo


def test_a_demonstration_stays_in_a_folder_of_its_own(tmp_path):
    """Beside a real station's configuration and data it touches neither, and it may come back.
    Its past takes a while to be made; what counts here comes before that."""
    real = tmp_path / "real"
    config(tmp_path, data_folder=f'"{real}"')
    done = mast(tmp_path, "apply", save(tmp_path, document()))
    assert done.returncode == 0, done.stderr
    board, own = (real / "board.json").read_bytes(), tmp_path / "mast-demo" / "board.json"
    written = None
    for _ in range(2):
        with Child([str(MAST), "demo", "--port", str(free_port())], tmp_path) as child:
            wait_for(lambda: own.exists() and own.stat().st_mtime_ns != written
                     or not child.is_running(), 30)
            assert child.is_running(), child.text()
            written = own.stat().st_mtime_ns
            child.process.kill()
            child.process.wait()
    assert "fairhaven-news" in own.read_text()
    assert (real / "board.json").read_bytes() == board
    assert not (tmp_path / "mast-data").exists()


def test_a_demonstration_refuses_the_folder_of_a_real_station(tmp_path):
    done = mast(tmp_path, "apply", "--data", tmp_path / "d", save(tmp_path, document()))
    assert done.returncode == 0, done.stderr
    board = (tmp_path / "d" / "board.json").read_bytes()
    done = mast(tmp_path, "demo", "--port", free_port(), "--data", tmp_path / "d")
    assert done.returncode == 1
    assert "wxyz" in done.stderr
    assert (tmp_path / "d" / "board.json").read_bytes() == board
    assert not (tmp_path / "d" / "tape").exists()


def test_a_demonstration_takes_no_configuration(tmp_path):
    done = mast(tmp_path, "demo", "-c", config(tmp_path))
    assert done.returncode == 2
    assert "demo" in done.stderr.splitlines()[0]


# ---- mast apply


def test_keys_are_shown_only_once_they_hold(tmp_path):
    """A board that could not be saved has no keys that anyone should note down."""
    data = tmp_path / "d"
    done = mast(tmp_path, "apply", "--data", data, save(tmp_path, without_keys("wxyz")))
    assert done.returncode == 0 and "key" in done.stdout
    (data / "board.json.new").mkdir()
    done = mast(tmp_path, "apply", "--data", data, save(tmp_path, without_keys("kabc")))
    assert done.returncode == 1
    assert "nothing was applied" in done.stderr
    assert done.stdout == ""


# ---- folders


def test_a_check_makes_nothing(tmp_path):
    folder = tmp_path / "not" / "yet"
    path = config(tmp_path, data_folder=f'"{folder}"')
    done = mast(tmp_path, "check", "-c", path)
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "not").exists()


def test_a_check_tells_of_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in ("file", "file/data", "/dev/null/data"):
        path = config(tmp_path, data_folder=f'"{folder}"')
        done = mast(tmp_path, "check", "-c", path)
        assert done.returncode == 1, folder
        assert done.stdout.startswith(f"{path}:2: {folder}: "), done.stdout


@pytest.mark.parametrize("command, code", [("check", 1), ("serve", 78)])
def test_a_folder_too_long_for_its_socket_is_refused_in_words(tmp_path, command, code):
    folder = "d" * 95
    path = config(tmp_path, data_folder=f'"{folder}"')
    done = mast(tmp_path, command, "-c", path)
    assert done.returncode == code
    said = done.stdout + done.stderr
    assert said.startswith(f"{path}:2: data_folder ") and "control.sock" in said
    assert not (tmp_path / folder).exists()


def test_the_longest_folder_serves(tmp_path):
    folder = "d" * 94
    path = config(tmp_path, data_folder=f'"{folder}"')
    assert mast(tmp_path, "check", "-c", path).returncode == 0
    with Child([str(MAST), "serve", "-c", str(path)], tmp_path) as child:
        wait_for(lambda: (tmp_path / folder / "control.sock").exists(), 30, why=child.text())
        assert mast(tmp_path, "status", "-c", path).returncode == 0
        os.kill(child.process.pid, signal.SIGTERM)
        assert child.process.wait(30) == 0, child.text()


def test_a_folder_named_on_the_command_line_is_never_cut(tmp_path):
    long = "/".join(["d" * 50] * 12)
    done = mast(tmp_path, "apply", "--data", long, save(tmp_path, document()))
    assert done.returncode == 2
    assert "--data" in done.stderr
    assert not (tmp_path / ("d" * 50)).exists()


# ---- mast serve


@contextlib.contextmanager
def serving(folder, *prefix, **settings):
    path = config(folder, **settings)
    with Child([*prefix, str(MAST), "serve", "-c", str(path)], folder) as child:
        wait_for(lambda: "event=start " in child.text(), 30, why=child.text())
        yield child, path


def test_links_name_the_address_that_is_listened_on(tmp_path):
    port = free_port()
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", port))
    except OSError:
        pytest.skip("no IPv6 here")
    with serving(tmp_path, listen=f'{{"[::1]:{port}"}}', data_folder='"d"') as (child, path):
        done = mast(tmp_path, "status", "--json", "-c", path)
        assert json.loads(done.stdout)["public_url"] == f"http://[::1]:{port}"


def test_a_document_that_comes_during_the_drain_is_answered(tmp_path):
    document_bytes = json.dumps(document()).encode()
    with serving(tmp_path, data_folder='"d"') as (child, _):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(tmp_path / "d" / "control.sock"))
            sock.sendall(b"POST /apply HTTP/1.0\r\nContent-Length: %d\r\n\r\n"
                         % len(document_bytes) + document_bytes[:10])
            wait_for(lambda: web.get(child_port(child), "/-/live").status == 200, 10)
            child.process.send_signal(signal.SIGTERM)
            wait_for(lambda: "event=drain " in child.text(), 10)
            began = time.monotonic()
            sock.sendall(document_bytes[10:])
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert child.process.wait(30) == 0, child.text()
        assert time.monotonic() - began < 4
        assert "LeakSanitizer" not in child.text()


def child_port(child):
    return int(re.search(r"event=listen_on address=\S+ port=(\d+)", child.text())[1])


def test_few_descriptors_at_the_start_are_made_more_before_the_tapes_are_opened(tmp_path):
    what = {"stations": [{"slug": f"s{n}", "renditions": [
        {"slug": f"mp3-{i}", "codec": "mp3"} for i in range(8)]} for n in range(3)]}
    done = mast(tmp_path, "apply", "--data", "d", save(tmp_path, what))
    assert done.returncode == 0, done.stderr
    with serving(tmp_path, "prlimit", "--nofile=32:4096", data_folder='"d"') as (child, _):
        assert len(list((tmp_path / "d" / "tape").glob("*/*"))) == 24
        # 10,000 listeners are more than there are descriptors for, and that is said.
        assert "descriptors=4096" in child.text()
