"""Fixtures of the scenarios. MAST_BUILD names the build folder whose mast is driven."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
os.environ.setdefault("no_proxy", "*")

from lib.station import MAST, Station, document  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: run by ./check --quick")
    config.addinivalue_line("markers", "slow: run by ./check --full only")
    config.addinivalue_line("markers", "one_thread: has no second thread to race with: not for TSan")


def pytest_collection_modifyitems(items):
    if not MAST.exists():
        for item in items:
            if "test_harness" not in item.nodeid:
                item.add_marker(pytest.mark.skip(reason=f"no {MAST}"))


@pytest.fixture
def mast(tmp_path):
    """A station wxyz of its own for one test."""
    station = Station(tmp_path)
    yield _up(station)
    station.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A station that the tests of a file share: they must not disturb one another."""
    station = Station(tmp_path_factory.mktemp("shared"))
    yield _up(station)
    station.stop()


@pytest.fixture
def make_mast(tmp_path):
    """Makes stations with options of their own: make_mast({"burst": '"1s"'})."""
    made = []

    def make(options=None, prefix=(), env=None, what=None):
        folder = tmp_path / f"station{len(made)}"
        folder.mkdir()
        station = Station(folder, options, prefix, env)
        made.append(station)
        return _up(station, what)

    yield make
    for station in made:
        station.stop()


def _up(station, what=None):
    try:
        station.start()
        station.apply(what or document())
    except BaseException:
        station.end()
        raise
    return station


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of its station's log."""
    report = (yield).get_result()
    if report.failed:
        for name in ("mast", "shared"):
            station = getattr(item, "funcargs", {}).get(name)
            if station:
                report.sections.append((f"log of {name}", station.log_text()[-6000:]))
