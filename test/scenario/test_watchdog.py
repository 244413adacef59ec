"""What systemd is told: that the station is ready, how it goes, and that audio advances, for as long
as it does. A start that can only fail again says so by its exit code."""
import re
import subprocess
import time

import pytest

from lib import hold, scene, station as stations
from lib.manager import Manager
from lib.station import BUILD, Station, wait_for

PERIOD_S = 0.9  # of the watchdog; it is told three times as often
UNIT = stations.ROOT / "dist" / "mast.service"


@pytest.fixture
def manager(tmp_path):
    return Manager(tmp_path)


def environment(manager, **more):
    return {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(int(PERIOD_S * 1e6)), **more}


def pings_in(manager, seconds):
    begun = time.monotonic()
    time.sleep(seconds)
    return [at for at in manager.times("WATCHDOG=1") if at > begun]


def wait_ping(manager, seconds=20):
    count = len(manager.times("WATCHDOG=1"))
    wait_for(lambda: len(manager.times("WATCHDOG=1")) > count, seconds, why="no sign of life")


def withheld(station):
    return [line for line in station.log_lines("watchdog") if "no sign of life" in line]


@pytest.mark.quick
def test_it_is_told_in_order_and_at_a_third_of_the_period(make_mast, tmp_path, manager):
    station = make_mast(env=environment(manager), what=scene.document())
    wait_ping(manager)
    pings = pings_in(manager, 3)
    gaps = [b - a for a, b in zip(pings, pings[1:])]
    assert 7 <= len(pings) <= 11 and max(gaps) < PERIOD_S, gaps
    wait_for(lambda: "wxyz: nothing on the air; 0 listeners" in manager.statuses(), 10,
             why=f"no line of how it goes in {manager.statuses()}")
    with scene.send(tmp_path, station.port, "live"):
        wait_for(lambda: "wxyz: /wxyz; 0 listeners" in manager.statuses(), 20,
                 why=f"no line of what is on in {manager.statuses()}")
    station.stop()
    assert manager.heard[0] == "READY=1"
    rest = [text for text in manager.heard if not text.startswith(("WATCHDOG", "STATUS"))]
    assert rest == ["READY=1", "STOPPING=1"]
    assert withheld(station) == []


@pytest.mark.parametrize("thread, why", [("air", "the air does not tick"),
                                         ("loop-1", "loop 1 does not answer")])
def test_no_ping_while_a_thread_of_the_sound_stands_still(make_mast, manager, thread, why):
    station = make_mast({"loops": "2"}, env=environment(manager))
    wait_ping(manager)
    with hold.still(station.pid, thread):
        time.sleep(2 * PERIOD_S / 3)  # the look after next knows
        assert pings_in(manager, 1.5 * PERIOD_S) == []
    wait_ping(manager)
    assert all(why in line for line in withheld(station)) and withheld(station)
    assert f"no sign of life: {why}; " in " ".join(manager.statuses())
    wait_for(lambda: any("audio advances again" in line for line in station.log_lines("watchdog")),
             5, why="nobody said that it is over")


def test_no_ping_while_the_loop_that_sends_it_stands_still(make_mast, manager):
    station = make_mast({"loops": "2"}, env=environment(manager))
    wait_ping(manager)
    with hold.still(station.pid, "loop-0"):
        assert len(pings_in(manager, 1.5 * PERIOD_S)) <= 1  # one may be on its way
    wait_ping(manager)


def test_the_control_thread_may_wait_for_a_disk(make_mast, manager):
    """A disk that hangs costs recording, not sound."""
    station = make_mast(env=environment(manager))
    wait_ping(manager)
    with hold.still(station.pid, "mast"):
        pings = pings_in(manager, 3 * PERIOD_S)
        assert len(pings) >= 6, pings


def test_no_ping_when_sound_comes_in_and_none_goes_on_the_tape(make_mast, tmp_path, manager):
    """Nothing comes back from the deck, and nobody can replace it or fall back on anything."""
    station = make_mast(env=environment(manager), what=scene.document())
    with scene.send(tmp_path, station.port, "live"):
        scene.wait_switch(station, "/wxyz", 60)
        time.sleep(2)
        with hold.still(station.pid, "children"):
            wait_for(lambda: withheld(station), 30, why="pings went on without sound")
            assert re.search(r"wxyz/\S+ is 1\d s behind its sound", withheld(station)[0])
            assert pings_in(manager, PERIOD_S) == []
        wait_ping(manager, 40)


def test_a_ping_for_another_process_is_not_ours(make_mast, manager):
    make_mast(env=environment(manager, WATCHDOG_PID="1"))
    wait_for(manager.statuses, 10, why="no line of how it goes")
    assert manager.times("WATCHDOG=1") == []


# ---- a start that can only fail again


def start_code(folder, text, board=None):
    (folder / "mast.conf").write_text(text)
    if board is not None:
        (folder / "data").mkdir()
        (folder / "data" / "board.json").write_text(board)
    return subprocess.run([str(stations.MAST), "serve", "-c", str(folder / "mast.conf")],
                          capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.quick
@pytest.mark.parametrize("text", ['listen = {"nowhere"}\n', 'retention = "7 days"\n',
                                  'listen = {"0.0.0.0:8000"}\n', "no_such_option = 1\n"])
def test_a_broken_configuration_ends_with_78(tmp_path, text):
    done = start_code(tmp_path, text)
    assert done.returncode == 78, done.stderr
    assert re.match(rf"{tmp_path}/mast.conf:1: ", done.stderr)


def test_a_missing_configuration_ends_with_78(tmp_path):
    done = subprocess.run([str(stations.MAST), "serve", "-c", str(tmp_path / "not-there")],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78 and "not-there" in done.stderr


def test_a_broken_board_ends_with_78(tmp_path):
    done = start_code(tmp_path, 'listen = {"127.0.0.1:0"}\nshoutcast = false\n'
                      f'data_folder = "{tmp_path}/data"\n', board="{nonsense")
    assert done.returncode == 78, done.stderr
    assert "board.json" in done.stderr


def test_an_address_that_is_taken_may_be_free_later(make_mast, tmp_path):
    other = make_mast()
    done = start_code(tmp_path, f'listen = {{"127.0.0.1:{other.port}"}}\n'
                      f'data_folder = "{tmp_path}/data"\n')
    assert done.returncode == 1, done.stderr


def test_the_unit_knows_these_codes():
    text = UNIT.read_text()
    assert re.search(r"^RestartPreventExitStatus=.*\b78\b", text, re.M)
    assert re.search(r"^Type=notify$", text, re.M) and re.search(r"^WatchdogSec=", text, re.M)
