import json
import signal
import subprocess
from pathlib import Path

import pytest
from tests.process.serving import environment, eventually, ringback_command, run, serving
from typer.main import get_command

from ringback.cli import app
from ringback.config import KEY, URL

EXAMPLES = Path(__file__).parents[2] / "examples" / "leads.csv"
ALL_DAY = ("--window", "00:00-24:00")
QUICK = ("--trunk", "simulator", "--speed", 0, *ALL_DAY)
POLICY = ("--retry", '{"max_attempts": 3, "after": {"no-answer": ["1s"], "busy": ["1s"]}}')


@pytest.fixture
def ringback(server):
    """Runs a command as a user of that server."""
    return lambda *arguments, **env: run(*arguments, **{URL: server.url, KEY: server.key} | env)


@pytest.fixture
def few(tmp_path):
    """The first forty of the examples."""
    path = tmp_path / "few.csv"
    path.write_text("".join(EXAMPLES.read_text().splitlines(keepends=True)[:41]))
    return path


def refusal(ended):
    """The lines on standard error of a command that ended with exit code 1 and no more than that."""
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines), ended.stderr
    return "\n".join(lines)


def test_the_way_of_a_new_user(tmp_path, few):
    """init, serve, a campaign followed to its end, and the four fields of every attempt of a call."""
    data = tmp_path / "data"
    made = run("init", "--data", data, "--json")
    assert made.returncode == 0, made.stderr
    keys = json.loads(made.stdout)
    assert keys["live_key"].startswith("rb_live_")
    assert keys["test_key"].startswith("rb_test_")
    with serving(data, key=keys["live_key"]) as server:
        env = {URL: server.url, KEY: server.key}
        followed = run("campaign", "run", few, *QUICK, *POLICY, "--watch", "--json", **env)
        assert followed.returncode == 0, followed.stderr
        said = json.loads(followed.stdout)
        assert said["progress"]["status"] == "completed"
        assert said["import"]["created"] == said["progress"]["leads"] == 40
        calls = server.get(f"/v1/call-logs/campaign/{said['campaign_id']}", limit=100)["data"]
        tried = next(call["id"] for call in calls if call["final_reason"] == "attempts_exhausted")
        history = json.loads(run("retries", tried, "--json", **env).stdout)
        assert len(history["data"]) == 3
        assert history["call_id"] == tried
        assert [attempt["attempt"] for attempt in history["data"]] == list(range(1, len(history["data"]) + 1))
        assert all(list(a)[:4] == ["attempt", "status", "duration_sec", "called_at"] for a in history["data"])
        assert {a["status"] for a in history["data"]} <= {"completed", "no-answer", "busy", "failed"}
        table = run("retries", tried, **env)
        assert table.returncode == 0
        assert tried in table.stdout
        assert server.stop() == 0


def test_init_tells_a_person_what_to_do_next(tmp_path):
    """Both keys, that they are not shown again, and the next command."""
    made = run("init", "--data", tmp_path / "data")
    assert made.returncode == 0
    assert "rb_live_" in made.stdout
    assert "rb_test_" in made.stdout
    assert f"ringback serve --data {tmp_path / 'data'}" in made.stdout


def test_a_campaign_is_run_for_a_person(ringback, few):
    """Without --json it tells what was imported and what the campaign came to."""
    ended = ringback("campaign", "run", few, *QUICK, *POLICY, "--watch")
    assert ended.returncode == 0, ended.stderr
    assert "40 leads imported" in ended.stdout
    assert "completed" in ended.stdout + ended.stderr


def test_a_campaign_is_paused_resumed_and_cancelled(ringback, server):
    """Each command says where the campaign stands then, as JSON on request, and refuses what its state forbids."""
    trunk = server.post("/v1/trunks", {"name": "later", "kind": "simulator"})["id"]
    plan = {"name": "later", "trunk_id": trunk, "starts_at": "2999-01-01T00:00:00Z"}
    campaign = server.post("/v1/campaigns", plan)["id"]
    server.post(f"/v1/campaigns/{campaign}/leads", {"leads": [{"phone_number": "+14155550100"}]})
    server.patch(f"/v1/campaigns/{campaign}/status", {"action": "start"})
    paused = ringback("campaign", "pause", campaign)
    assert paused.stdout == f"campaign {campaign} is paused: 1 queued, 0 live\n"
    assert "allowed now: resume, cancel" in refusal(ringback("campaign", "pause", campaign))
    resumed = json.loads(ringback("campaign", "resume", campaign, "--json").stdout)
    assert resumed["campaign"]["status"] == "running"
    cancelled = ringback("campaign", "cancel", "--hang-up", campaign)
    assert cancelled.stdout == f"campaign {campaign} is cancelled: 0 queued, 0 live, 1 cancelled\n"


def test_a_check_dials_nobody(ringback, server, few):
    """--check reports the import and leaves no lead behind."""
    ended = ringback("campaign", "run", few, *QUICK, "--check", "--json")
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["import"]["created"] == 40
    assert server.get(f"/v1/call-logs/campaign/{said['campaign_id']}")["data"] == []


def test_bad_rows_cost_the_good_ones_nothing(ringback, tmp_path):
    """Each reason is told with its rows, as JSON and for a person, and the rest is dialled."""
    path = tmp_path / "mixed.csv"
    path.write_text("phone_number,name\n+14155550100,A\n12,B\n+14155550101,C\n+14155550100,D\n")
    ended = ringback("campaign", "run", path, *QUICK, *POLICY, "--watch", "--json")
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)["import"]
    assert (report["created"], report["rejected"]) == (2, 2)
    assert {reason["code"]: reason["rows"] for reason in report["reasons"]} == {
        "invalid_phone_number": [3],
        "duplicate": [5],
    }
    told = ringback("campaign", "run", path, *QUICK)
    assert "invalid_phone_number" in told.stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"name\nA\n", "phone_number"),
        (b"PK\x03\x04 but no workbook", "workbook"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(ringback, tmp_path, content, says):
    """It says what is wrong with the file, and there is no trace of our program."""
    path = tmp_path / ("leads.xlsx" if content.startswith(b"PK") else "leads.csv")
    path.write_bytes(content)
    assert says in refusal(ringback("campaign", "run", path, *QUICK))


def test_a_file_that_is_not_there_is_refused(ringback, tmp_path):
    """It is a fault of the command line: exit code 2."""
    ended = ringback("campaign", "run", tmp_path / "none.csv", *QUICK)
    assert ended.returncode == 2
    assert "none.csv" in ended.stderr


@pytest.mark.parametrize("key", ["wrong", "rb_live_01m84maregfanajkdpza3xjek416jdab5mz4yae0nm553cz1t9119dr1j5"])
def test_a_wrong_key_is_refused(ringback, few, key):
    """By each command that asks a server."""
    for arguments in (("retries", "call_x"), ("campaign", "run", few, *QUICK)):
        assert "API key" in refusal(ringback(*arguments, **{KEY: key}))


def test_a_server_that_does_not_run_is_told(few):
    """With the URL, and what to start."""
    env = {URL: "http://127.0.0.1:9", KEY: "rb_live_x"}
    for arguments in (("retries", "call_x"), ("campaign", "run", few, *QUICK)):
        said = refusal(run(*arguments, **env))
        assert "no answer from http://127.0.0.1:9" in said
        assert "ringback serve" in said


@pytest.mark.parametrize("url", ["nonsense", "http://[", "ftp://127.0.0.1"])
def test_a_url_that_is_none_is_refused(few, url):
    """In one line too."""
    refusal(run("retries", "call_x", **{URL: url, KEY: "rb_live_x"}))


def test_a_call_that_is_not_there_is_told(ringback):
    """In the words of the API."""
    assert "no such call" in refusal(ringback("retries", "call_01h455vb4pex5vsknk084sn02q"))


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--retry", "{", "--retry must be JSON"),
        ("--retry", '{"max_attempts": 99}', "max_attempts"),
        ("--window", "9", "--window must be HH:MM-HH:MM"),
        ("--window", "20:00-20:00", "calling_window"),
        ("--trunk", "nobody", "--trunk nobody is not known"),
        ("--default-region", "XX", "default_region"),
    ],
)
def test_an_option_that_is_wrong_is_told(ringback, few, option, value, says):
    """The option or the field is named."""
    assert says in refusal(ringback("campaign", "run", few, *QUICK, option, value))


def test_a_campaign_goes_on_when_its_follower_leaves(ringback, server, few):
    """Ctrl-C ends the watching, says so, and leaves the campaign running."""
    line = ringback_command("campaign", "run", few, "--trunk", "simulator", *ALL_DAY, "--watch", "--name", "left")
    env = environment(**{URL: server.url, KEY: server.key})
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as follower:
        eventually(lambda: [c for c in server.get("/v1/campaigns")["data"] if c["name"] == "left"])
        eventually(lambda: server.get("/v1/campaigns")["data"][0]["status"] != "draft")
        follower.send_signal(signal.SIGINT)
        _, errors = follower.communicate(timeout=20)
    assert "Traceback" not in errors


@pytest.mark.slow
def test_the_demo_is_the_same_for_the_same_seed():
    """Two runs give the same JSON, but for the two figures of speed."""
    reports = []
    for _ in range(2):
        ended = run("demo", "--leads", 200, "--days", 2, "--seed", 3, "--json")
        assert ended.returncode == 0, ended.stderr
        report = json.loads(ended.stdout)
        assert report.pop("wall_sec") > 0
        assert report.pop("attempts_per_sec") > 0
        reports.append(report)
    assert reports[0] == reports[1]
    assert reports[0]["attempts"] > 200


def commands(group, *above):
    """Every command that a user is shown and that takes something, by its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *above, name)
        elif command.params and not command.hidden:
            yield (*above, name)


@pytest.mark.parametrize("command", list(commands(get_command(app))), ids=" ".join)
def test_help_has_an_example(command):
    """Each command shows one that begins as it is typed."""
    shown = run(*command, "--help")
    assert shown.returncode == 0
    assert f"Example: ringback {' '.join(command)} " in " ".join(shown.stdout.split())


def test_policies_are_named_and_said_in_words(ringback, tmp_path):
    """Made of TOML or JSON, listed, and shown with their versions."""
    toml, plain, none = tmp_path / "patient.toml", tmp_path / "quick.json", tmp_path / "none.json"
    toml.write_text('max_attempts = 4\n[after]\nno-answer = ["30m", "next-day 10:00"]\n')
    plain.write_text('{"name": "hasty", "max_retries": 1, "wait_minutes": 5}')
    made = json.loads(ringback("policies", "create", toml, "--json").stdout)
    assert (made["name"], made["retry"]["after"]["no-answer"]) == ("patient", ["30m", "next-day 10:00"])
    words = "after no answer wait 30 min, then next day at 10:00; at most 4 attempts"
    other = ringback("policies", "create", plain).stdout
    assert "hasty, version 1\n  after no answer wait 5 min; after busy wait 5 min; at most 2 attempts" in other
    assert f"{made['id']}  patient, version 1\n  {words}\n" in ringback("policies", "list").stdout
    assert words in ringback("policies", "show", made["id"]).stdout
    assert json.loads(ringback("policies", "show", made["id"], "--json").stdout)["versions"][0]["version"] == 1
    for text, line in (
        ("[]", "must hold one policy, such as"),
        ("max_attempts = 4", "is neither JSON nor"),
        ('{"after": {"busy": ["soon"]}}', "retry.after.busy[0] must be a duration"),
    ):
        none.write_text(text)
        assert line in refusal(ringback("policies", "create", none))
