"""What operators are given for Prometheus and Grafana names series that there are, and all of them are explained."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from ringback.store.gauges import Figures
from ringback.telemetry.metrics import Metrics
from ringback.telemetry.scrape import standing

OPERATE = Path(__file__).parents[2] / "docs" / "operate"
WIDTH = 24
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def families():
    """Every family that a server has, with its labels."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    labels = {each._name: each._labelnames for each in vars(metrics).values() if hasattr(each, "_labelnames")}
    for family in registry.collect():
        yield family.name, family.type, tuple(labels[family.name])
    by_label = {"ringback_build_info": ("version",), "ringback_trunk_in_flight_attempts": ("trunk",)}
    for family in standing(Figures(0, 0, 0, {}, 0)):
        yield family.name, family.type, by_label.get(family.name, ())


SERIES = {name + suffix: labels for name, kind, labels in families() for suffix in SUFFIXES[kind]}


def dashboard():
    """The file for Grafana."""
    return json.loads((OPERATE / "dashboard.json").read_text())


def rules():
    """The rules for Prometheus."""
    (group,) = yaml.safe_load((OPERATE / "alerts.yml").read_text())["groups"]
    return group["rules"]


def expressions():
    """Every query of both files."""
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ()))
    yield from (rule["expr"] for rule in rules())


@pytest.mark.parametrize("expression", list(expressions()))
def test_query_names_series_that_there_are(expression):
    """With labels that they have."""
    named = re.findall(r"(ringback_\w+)(?:\{([^}]*)\})?", expression)
    assert named
    for name, selectors in named:
        assert name in SERIES, name
        chosen = set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\"", selectors))
        assert chosen <= {*SERIES[name], "instance"}, name
    grouped = {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
    assert grouped <= {"instance", "le", *(label for name, _ in named for label in SERIES[name])}


def test_dashboard_shows_every_series():
    """There is a panel for each family."""
    shown = {name for panel in dashboard()["panels"] for t in panel.get("targets", ()) for name in _named(t["expr"])}
    families_shown = {name for name, kind, _ in families() if {name + s for s in SUFFIXES[kind]} & shown}
    assert {name for name, _, _ in families()} == families_shown


def test_dashboard_is_one_that_grafana_takes():
    """Panels have ids, places that do not overlap, and the data source that is chosen on the page."""
    board = dashboard()
    assert board["title"]
    assert board["schemaVersion"] >= 36
    source, *_ = board["templating"]["list"]
    assert (source["type"], source["query"], source["name"]) == ("datasource", "prometheus", "datasource")
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [spot for panel in panels for spot in spots(panel["gridPos"])]
    assert len(set(taken)) == len(taken)
    assert all(0 <= x < WIDTH for x, _ in taken)
    for panel in panels:
        assert panel["type"] in {"row", "stat", "timeseries"}
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"]
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def spots(place):
    """The cells of the grid that a panel takes."""
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]


def test_every_rule_has_its_reason():
    """A comment before the expression says why the threshold is what it is; who is woken is told where to look."""
    text = (OPERATE / "alerts.yml").read_text()
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "look_at"}
        assert re.search(rf"- alert: {rule['alert']}\n        # ", text), rule["alert"]
        assert f"`{rule['alert']}`" in (OPERATE / "metrics.md").read_text()


def test_a_server_that_sends_requests_elsewhere_is_no_failure():
    """A `/readyz` that says no does what it is there for, many times a minute."""
    (rule,) = [rule for rule in rules() if rule["alert"] == "RingbackApiFails"]
    chosen = re.findall(r"ringback_http_requests_total(\{[^}]*\})?", rule["expr"])
    assert len(chosen) == 2
    assert all('route!="/readyz"' in selectors for selectors in chosen)


def test_every_series_is_explained():
    """The page has a row for each family, with its type and its labels, and no other row."""
    rows = re.findall(
        r"^\| `(ringback_\w+)` \| (\w+) \|\s*([^|]*?)\s*\|", (OPERATE / "metrics.md").read_text(), re.MULTILINE
    )
    explained = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert explained == {
        name + SUFFIXES[kind][0] * (kind == "counter"): (kind, labels) for name, kind, labels in families()
    }


def _named(expression):
    return re.findall(r"ringback_\w+", expression)
