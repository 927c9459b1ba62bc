"""What `ringback analytics` makes of the API's answers: cells, points, pictures, rows."""

import csv
import io
import re
from xml.etree import ElementTree

import httpx
import pytest

from ringback.errors import Invalid
from ringback.remote import client
from ringback.remote.analytics import SHADES, Wish, show_analytics
from ringback.remote.curve import reach_by_attempt
from ringback.remote.heat import by_hour_and_weekday

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def sums(calls, reached):
    """A group's, as the API answers them."""
    share = {"share": reached / calls, "low": 0.0, "high": 1.0} if calls else None
    return {
        "attempts": calls,
        "calls": calls,
        "answered": reached,
        "reached": reached,
        "answer_rate": share,
        "reach": share,
        "connected_sec": 60 * reached if calls else None,
        "minutes": float(reached) if calls else None,
        "cost_micros": 1000 * calls if calls else None,
        "currency": "USD" if calls else None,
        "cost_per_reached_micros": None,
    }


def heat_answer(dialled):
    """Calls and reached calls by weekday and hour; the rest of the week has none."""
    data = [
        {"group": {"weekday": weekday, "hour": hour}, **sums(*dialled.get((weekday, hour), (0, 0)))}
        for weekday in WEEKDAYS
        for hour in range(24)
    ]
    return answer(["weekday", "hour"], data)


def curve_answer(*stages):
    """Calls and reached calls by attempt."""
    return answer(["attempt"], [{"group": {"attempt": n}, **sums(*stage)} for n, stage in enumerate(stages, 1)])


def answer(sides, data):
    """What the API answers of March 2026."""
    most = max([row["calls"] for row in data], default=0)
    total = sums(most, min(sum(row["reached"] for row in data), most))
    return {"from": "2026-03-01", "to": "2026-03-31", "group_by": sides, "data": data, "total": total}


BUSY_WEEK = {("mon", 9): (100, 10), ("tue", 11): (100, 40), ("sun", 10): (50, 0)}


def test_cells_are_those_of_the_hours_in_which_anybody_was_dialled():
    """From the first to the last; an hour without a call has no reach, one whose calls were not reached has 0."""
    heat = by_hour_and_weekday(heat_answer(BUSY_WEEK))
    assert list(heat.hours) == [9, 10, 11]
    assert list(heat.weekdays) == list(WEEKDAYS)
    assert heat.cells[0] == [0.1, None, None]
    assert heat.cells[1] == [None, None, 0.4]
    assert heat.cells[6] == [None, 0.0, None]
    assert heat.most == 0.4


@pytest.mark.parametrize(("reach", "shade"), [(0.0, 0), (0.1, 1), (0.39, 6), (0.4, 6)])
def test_shades_go_from_none_to_the_most(reach, shade):
    """The highest reach has the last shade, and nothing is beyond it."""
    assert by_hour_and_weekday(heat_answer(BUSY_WEEK)).shade(reach, len(SHADES)) == shade


def test_points_add_up_what_each_attempt_reached():
    """Of all calls, and not of those that came to the attempt."""
    points = reach_by_attempt(curve_answer((200, 20), (150, 30), (100, 0))).points
    assert [(point.attempt, point.so_far) for point in points] == [(1, 0.1), (2, 0.25), (3, 0.25)]
    assert all(point.low < point.so_far < point.high for point in points)
    assert points[1].then["share"] == 0.2


@pytest.mark.parametrize(
    "picture",
    [
        by_hour_and_weekday(heat_answer(BUSY_WEEK)).svg(SHADES),
        by_hour_and_weekday(heat_answer({})).svg(SHADES),
        reach_by_attempt(curve_answer((200, 20), (150, 30))).svg(),
        reach_by_attempt(curve_answer((5, 5))).svg(),
        reach_by_attempt(curve_answer()).svg(),
    ],
)
def test_pictures_stand_alone_in_light_and_dark(picture):
    """They are XML, fetch nothing, and name each colour class that they use."""
    root = ElementTree.fromstring(picture)  # noqa: S314 - it is our own
    assert root.tag.endswith("svg")
    assert "prefers-color-scheme: dark" in picture
    assert re.findall(r"(?:href|url|src)\W", picture) == []
    used = {name for element in root.iter() if (name := element.get("class"))}
    assert used <= set(re.findall(r"\.(\w+)[ {]", picture))


def test_a_cell_says_what_it_is_under_the_pointer():
    """Its reach and interval in full, or that there is no data."""
    picture = by_hour_and_weekday(heat_answer(BUSY_WEEK)).svg(SHADES)
    assert "<title>tue 11:00: 40.0 % (0.0 to 100.0) of 100 calls</title>" in picture
    assert "<title>mon 10:00: no data</title>" in picture


@pytest.fixture
def server(monkeypatch):
    """A far end that answers as the API does; what it was asked is kept."""
    asked = []

    def answering(request):
        asked.append(dict(request.url.params))
        sides = request.url.params["group_by"]
        if sides == "weather":
            return httpx.Response(400, json={"message": ["group_by must be one or two of attempt, hour"]})
        return httpx.Response(200, json=heat_answer(BUSY_WEEK) if "hour" in sides else curve_answer((200, 20), (9, 3)))

    real = httpx.Client
    monkeypatch.setattr(client.httpx, "Client", lambda **more: real(transport=httpx.MockTransport(answering), **more))
    return asked


def wish(**more):
    """What is asked for, in words of the options."""
    return Wish(**{"filters": {}, "group_by": None, "svg": None, "as_json": False, "as_csv": False, **more})


def shown(capsys, **more):
    """What is printed."""
    show_analytics("http://test", "rb_live_x", wish(**more))
    return capsys.readouterr().out


def test_the_terminal_shows_the_map_and_the_curve(server, capsys, monkeypatch):
    """Each cell by its percent and a dot for no data; both are of the filters."""
    monkeypatch.setenv("COLUMNS", "120")
    out = shown(capsys, filters={"campaign_id": "cmp_x"})
    [tuesday] = [line for line in out.splitlines() if line.startswith("tue")]
    assert tuesday.split() == ["tue", "·", "·", "40"]
    [second] = [line for line in out.splitlines() if re.match(r" +2 ", line)]
    assert "33.3 %" in second
    assert "11.5 %" in second
    assert server == [{"group_by": sides, "campaign_id": "cmp_x"} for sides in ("weekday,hour", "attempt")]


def test_pictures_are_written_where_they_are_wanted(server, capsys, tmp_path):
    """Into a directory that is made for them."""
    shown(capsys, svg=tmp_path / "new" / "pictures")
    names = {path.name for path in (tmp_path / "new" / "pictures").iterdir()}
    assert names == {"heat-map.svg", "reach-by-attempt.svg"}


def test_rows_of_csv_have_nothing_where_there_is_no_data(server, capsys):
    """Each share in three columns, one row for each group."""
    rows = list(csv.DictReader(io.StringIO(shown(capsys, group_by="weekday,hour", as_csv=True))))
    assert len(rows) == 7 * 24
    [tuesday] = [row for row in rows if (row["weekday"], row["hour"]) == ("tue", "11")]
    assert (tuesday["calls"], tuesday["reach"], tuesday["reach_high"]) == ("100", "0.4", "1.0")
    [empty] = [row for row in rows if (row["weekday"], row["hour"]) == ("tue", "3")]
    assert (empty["attempts"], empty["reach"], empty["minutes"]) == ("0", "", "")


def test_a_table_has_the_whole_in_its_last_row(server, capsys, monkeypatch):
    """Of the sides that were asked for."""
    monkeypatch.setenv("COLUMNS", "120")
    lines = shown(capsys, group_by="attempt").splitlines()
    assert lines[0].split()[:3] == ["attempt", "attempts", "calls"]
    assert lines[-1].split()[:3] == ["all", "200", "200"]


def test_a_wrong_side_is_the_servers_to_refuse(server, capsys):
    """Its words are passed on."""
    with pytest.raises(Invalid, match="group_by must be one or two"):
        shown(capsys, group_by="weather")


def test_json_is_what_the_api_answers(server, capsys):
    """Both answers, or the one."""
    assert '"heat_map"' in shown(capsys, as_json=True)
    assert '"group_by"' in shown(capsys, group_by="attempt", as_json=True)
