"""What is packaged beside the program says what is true: manuals, the configuration, alert rules,
the dashboard, the lists of packages."""
import json
import re
import subprocess

import pytest

from lib import station as stations
from lib import web
from lib.station import ROOT, free_port, wait_for

MANUALS = sorted((ROOT / "doc" / "man").glob("*.[1-8]"))
CONF = ROOT / "dist" / "mast.conf"
RULES = ROOT / "dist" / "prometheus" / "mast-alerts.yml"
RULES_TEST = ROOT / "test" / "data" / "prometheus" / "mast-alerts-test.yml"
DASHBOARD = ROOT / "dist" / "grafana" / "mast.json"


def run(*args, **more):
    return subprocess.run([str(arg) for arg in args], capture_output=True, text=True, timeout=60,
                          check=False, **more)


# ---- manuals


@pytest.mark.quick
@pytest.mark.parametrize("path", MANUALS, ids=lambda path: path.name)
def test_a_manual_has_no_fault_of_form(path):
    done = run("mandoc", "-T", "lint", "-W", "warning", path)
    assert (done.returncode, done.stdout) == (0, "")


def plain(path):
    """A manual as it is read, on one line."""
    text = run("mandoc", "-T", "utf8", "-O", "width=900", path).stdout
    return re.sub(r"\s+", " ", re.sub(".\b", "", text))


def options():
    """Name -> default of every option that the program knows."""
    table = (ROOT / "src" / "base" / "tbl" / "options.h").read_text()
    found = re.findall(r'^X\((\w+),[^"]*?"((?:[^"\\]|\\.)*)"', table, re.M)
    assert len(found) == len(re.findall(r"^X\(", table, re.M)) > 20
    return dict(found)


@pytest.mark.quick
def test_the_manual_of_the_configuration_has_every_option_and_no_other():
    page = (ROOT / "doc" / "man" / "mast.conf.5").read_text()
    named = re.findall(r"^\.It Ic (\w+)", page, re.M)
    assert sorted(named) == sorted(options())


@pytest.mark.quick
def test_the_manual_of_the_configuration_has_every_default():
    page = plain(ROOT / "doc" / "man" / "mast.conf.5")
    for name, default in options().items():
        assert f" {name} (" in page, name
        if default:
            assert f" {name} ({default}) " in page, f"{name} is {default}"


@pytest.mark.quick
def test_the_manual_has_every_command():
    page = plain(ROOT / "doc" / "man" / "mast.1")
    usage = run(stations.MAST, "--help").stdout
    calls = re.findall(r"^  mast ((?:[a-z]+ ?)+|--version)", usage, re.M)
    assert len(calls) >= 8
    for call in calls:
        assert f"mast {call.strip()}" in page, call
    for option in set(re.findall(r"(?<!\w)--?[a-z]+", usage)):
        assert option in page, option


# ---- the configuration of the package


@pytest.mark.quick
def test_the_packaged_configuration_is_fine_as_it_is_and_with_every_line_in_use(tmp_path):
    text = CONF.read_text().replace("/var/lib/mast", str(tmp_path / "data"))
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{free_port()}")
    for name, content in (("as-it-is", text), ("all", re.sub(r"^#(\w+ = )", r"\1", text, flags=re.M))):
        path = tmp_path / name
        path.write_text(content)
        done = run(stations.MAST, "check", "-c", path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "alarm_webhook = " in content and not re.search(r"^#\w+ = ", content, re.M)


# ---- figures


def names_in(expression):
    """The metrics of a PromQL expression."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}", "{}", bare)
    return set(re.findall(r"\b(?:mast|process|node|go|up)(?:_\w+)*\b", bare))


def expressions(value):
    """All that Prometheus is asked for anywhere in a dashboard."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("expr", "definition") and isinstance(inner, str):
                yield inner
            else:
                yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    """What /metrics of the demonstration has: family -> names of labels."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    with open(folder / "stderr", "wb") as log:
        demo = subprocess.Popen([str(stations.MAST), "demo", "--port", str(port), "--past", "0",
                                 "--data", str(folder / "data")], cwd=folder,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def text():
        assert demo.poll() is None, (folder / "stderr").read_text()
        try:
            body = web.get(port, "/metrics", timeout=5).body.decode()
        except OSError:
            return None
        return body if "mast_level_short_term_lufs{" in body else None
    try:
        found = {}
        for line in wait_for(text, 60, why="the demonstration has no levels").splitlines():
            if line.startswith("# TYPE "):
                found[line.split()[2]] = set()
            elif not line.startswith("#"):
                name, _, rest = line.partition("{")
                found[name.split()[0]] |= set(re.findall(r'(\w+)="', rest))
        yield found
    finally:
        demo.terminate()
        demo.wait(30)


def rules_text():
    return "\n".join(re.findall(r"^ *expr: (.*)$", RULES.read_text(), re.M))


def test_every_figure_that_a_rule_or_the_dashboard_names_is_there(families):
    asked = [rules_text(), *expressions(json.loads(DASHBOARD.read_text()))]
    named = set().union(*map(names_in, asked)) - {"up"}
    assert len(named) > 20
    assert named - set(families) == set()


def test_every_label_that_a_rule_or_the_dashboard_shows_is_there(families):
    known = {"instance", "job"}.union(*families.values()) | {"mount"}  # no source logs in there
    rules = set(re.findall(r"\$labels\.(\w+)", RULES.read_text()))
    legends = set(re.findall(r"\{\{(\w+)\}\}", DASHBOARD.read_text()))
    assert rules and legends and (rules | legends) - known == set()


def test_prometheus_takes_the_rules_and_they_fire_when_they_should():
    done = run("promtool", "check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run("promtool", "test", "rules", RULES_TEST.name, cwd=RULES_TEST.parent)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.quick
def test_panels_of_the_dashboard_have_ids_of_their_own_and_do_not_overlap():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [(x, y) for panel in panels for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"])
             for y in range(place["y"], place["y"] + place["h"])]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24


# ---- the package


def listed(name):
    lines = (ROOT / "dist" / "packages" / name).read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


@pytest.mark.quick
def test_the_package_asks_for_what_a_build_needs():
    control = (ROOT / "dist" / "deb" / "control").read_text()
    field = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M)[1]
    asked = {re.sub(r"\s*\([^)]*\)|:any", "", line.strip(" ,\n")).replace(" | ", "|")
             for line in field.splitlines()}
    always_there = {"gcc", "libc6-dev"}  # build-essential
    assert listed("build.txt") - always_there == asked - {"debhelper-compat"}


@pytest.mark.quick
def test_the_package_has_the_version_of_the_program():
    changelog = (ROOT / "dist" / "deb" / "changelog").read_text()
    packaged = re.match(r"mast \(([^)]+)\)", changelog)[1]
    assert run(stations.MAST, "--version").stdout == f"mast {packaged}\n"
