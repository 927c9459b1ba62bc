"""Events to series: what each adds to, and what a batch and a crash make of the sums."""

import os
import random
import signal
import subprocess
import sys
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from ringback import events
from ringback.event_log import LogAndCount
from ringback.telemetry.metrics import LATE, ROOM_BYTES, Metrics, Spread

EVENTS = [
    (events.Claimed(7, 2, 1, 0.004), {"intents_total": 7, "postponed_total": 2, "expired_total": 1}),
    (events.Claimed(7, 2, 1, 0.004), {"claim_seconds_sum": 0.004, 'claim_seconds_bucket{le="0.005"}': 1}),
    (events.DialsWithheld({"calling_window": 3}), {'withheld_dials_total{rule="calling_window"}': 3}),
    (events.DialsChecked({"allowed": 2, "veto": 1}), {'pre_dial_checks_total{verdict="allowed"}': 2}),
    (events.CheckUnanswered("ws_x", "status: 500"), {'pre_dial_check_turns_total{to="unanswered"}': 1}),
    (events.CheckAnswered("ws_x"), {'pre_dial_check_turns_total{to="answered"}': 1}),
    (
        events.EventsSent({"taken": 2, "failed": 1}, (0.3, 0.4)),
        {'webhook_events_total{result="taken"}': 2, 'webhook_events_total{result="failed"}': 1}
        | {"webhook_delay_seconds_count": 2},
    ),
    (events.WebhookOff("hook_x", "failing", "it answered 500"), {'webhooks_off_total{reason="failing"}': 1}),
    (events.IntentsStopped(3), {"stopped_intents_total": 3}),
    (events.Placed(2, (0.02, 0.3)), {"dials_total": 2, "lateness_seconds_sum": 0.32, "lateness_seconds_count": 2}),
    (events.Withdrawn(3, "the node stops"), {"withdrawals_total": 3}),
    (
        events.Settled(3, 1, 0.01, {"user_busy": 2, "user_rejected": 1}),
        {
            'attempts_ended_total{end_reason="user_busy"}': 2,
            'attempts_ended_total{end_reason="user_rejected"}': 1,
            "settlements_passed_over_total": 1,
            "settle_batch_attempts_sum": 4,
            "settle_seconds_count": 1,
        },
    ),
    (events.StrayEvent("att_x", "Ended", "repeated"), {'stray_events_total{kind="Ended",why="repeated"}': 1}),
    (
        events.LookedUp(6, 1, 2, 3, 0),
        {f'deadline_lookups_total{{result="{fate}"}}': n for fate, n in (("over", 1), ("still_up", 2), ("unknown", 3))},
    ),
    (events.Renewed(2, 40, 5, 0.002), {"permits_granted_total": 40, "permits_returned_total": 5}),
    (
        events.Rescued(1, 2, 3, 4),
        {
            f'rescued_attempts_total{{fate="{fate}"}}': n
            for fate, n in (("withdrawn", 1), ("settled", 2), ("unknown", 3), ("still_up", 4))
        },
    ),
    (events.HungUp(4), {"hung_up_calls_total": 4}),
    (events.CampaignsFinished(2), {"campaigns_finished_total": 2}),
    (events.Retired(1, 5, "delete"), {'retired_calls_total{mode="delete"}': 5}),
    (events.RecordingsDeleted(3), {"recordings_deleted_total": 3}),
    (events.LedgerWritten(500), {"ledger_entries_total": 500}),
    (events.LedgerSigned(2), {"ledger_checkpoints_total": 2}),
    (events.BudgetSpent("cmp_x", 6, 5), {'budget_turns_total{to="spent"}': 1}),
    (events.BudgetRaised("cmp_x"), {'budget_turns_total{to="raised"}': 1}),
    (events.TrunkDown("trk_x", "no answer"), {'trunk_turns_total{trunk="trk_x",to="down"}': 1}),
    (events.AgentUnready("agt_x", "no key"), {'agent_turns_total{to="unready"}': 1}),
    (events.AgentReady("agt_x"), {'agent_turns_total{to="ready"}': 1}),
    (events.TrunkUp("trk_x"), {'trunk_turns_total{trunk="trk_x",to="up"}': 1}),
    (events.RulePacksUnusable("cmp_x", "no such pack"), {'rule_pack_turns_total{to="unusable"}': 1}),
    (events.RulePacksUsable("cmp_x"), {'rule_pack_turns_total{to="usable"}': 1}),
    (events.TrunkRefused("trk_x", "no"), {'carrier_errors_total{trunk="trk_x"}': 1}),
    (
        events.Replied("GET", "/v1/trunks/{id}", 404, "req_x", 0.003),
        {
            'http_requests_total{method="GET",route="/v1/trunks/{id}",status="404"}': 1,
            'http_request_seconds_sum{method="GET",route="/v1/trunks/{id}"}': 0.003,
        },
    ),
    (
        events.Replied("OTHER", "unmatched", 405, "req_x"),
        {'http_requests_total{method="OTHER",route="unmatched",status="405"}': 1},
    ),
    (events.DutyFailed("dial", "away"), {'duty_failures_total{duty="dial"}': 1}),
    (events.NodeStarted(1, "n"), {"nodes_started_total": 1}),
    (events.NodeEnded(1, "n"), {"nodes_ended_total": 1}),
    (events.NodesExplained(2), {"nodes_explained_total": 2}),
    (events.LeaseLost(1), {"leases_lost_total": 1}),
]

TELLS = """
import os, signal, sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from ringback.events import Placed
from ringback.telemetry.metrics import Metrics, share
share(Path(sys.argv[1]), sys.argv[2])
Metrics(CollectorRegistry())(Placed(3, (0.1, 0.2, 0.3)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def series(registry):
    """Every sample by its name as it is written."""
    return {
        sample.name.removeprefix("ringback_")
        + ("{" + ",".join(f'{k}="{v}"' for k, v in sample.labels.items()) + "}" if sample.labels else ""): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


@pytest.mark.parametrize(("event", "added"), EVENTS, ids=lambda value: type(value).__name__)
def test_event_adds_to_its_series(event, added):
    """Each event moves the series that are named, by that much."""
    registry = CollectorRegistry()
    count = Metrics(registry)
    count(event)
    once = series(registry)
    assert {name: once[name] for name in added} == pytest.approx(added)
    count(event)
    assert {name: series(registry)[name] for name in added} == pytest.approx({k: 2 * v for k, v in added.items()})


def test_every_event_is_counted_but_that_of_traces():
    """A new event needs its series."""
    registry = CollectorRegistry()
    assert {type(event) for event, _ in EVENTS} == set(get_args(events.Event)) - {events.AttemptsEnded}
    Metrics(registry)(events.AttemptsEnded(pytest.fail))


def test_batch_counts_as_each_by_itself():
    """One addition a bucket comes to the same as one for each figure."""
    chance, ours, theirs = random.Random(7), CollectorRegistry(), CollectorRegistry()
    late = [*LATE, 0.0, 1e9, *(chance.expovariate(3) for _ in range(500))]
    in_a_batch = Spread("x", "x", buckets=LATE, registry=ours)
    in_a_batch.observe_all(late)
    in_a_batch.observe_all(())
    one_by_one = Spread("x", "x", buckets=LATE, registry=theirs)
    for sec in late:
        one_by_one.observe(sec)
    found, expected = series(ours), series(theirs)
    assert found.pop("x_sum") == pytest.approx(expected.pop("x_sum"))
    assert {k: v for k, v in found.items() if "created" not in k} == {
        k: v for k, v in expected.items() if "created" not in k
    }


def test_sums_of_a_process_that_is_killed_are_taken_on(tmp_path):
    """Who takes its place goes on from there, in the same files; a scrape sums up the roles."""
    for role in ("node", "node", "api"):
        ended = subprocess.run([sys.executable, "-c", TELLS, str(tmp_path), role], check=False, env=environment())
        assert ended.returncode == -signal.SIGKILL
    registry = CollectorRegistry()
    registry.register(MultiProcessCollector(None, str(tmp_path)))
    found = series(registry)
    assert (found["dials_total"], found["lateness_seconds_count"]) == (9, 9)
    assert found["lateness_seconds_sum"] == pytest.approx(1.8)
    assert all(path.stat().st_blocks * 512 >= path.stat().st_size >= ROOM_BYTES for path in tmp_path.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{kind}_{role}.db" for kind in ("counter", "histogram") for role in ("api", "node")
    ]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.truncate(2), id="cut off"),
        pytest.param(lambda file: file.write((8192).to_bytes(4, "little") + b"\xff" * 64), id="overwritten"),
    ],
)
def test_sums_that_cannot_be_read_begin_anew(tmp_path, damage):
    """A node that could not start for its figures would dial nobody."""
    tell = [sys.executable, "-c", TELLS, str(tmp_path), "node"]
    for _ in range(2):
        assert subprocess.run(tell, check=False, env=environment()).returncode == -signal.SIGKILL
        with (tmp_path / "counter_node.db").open("r+b") as file:
            damage(file)
    assert subprocess.run(tell, check=False, env=environment()).returncode == -signal.SIGKILL
    registry = CollectorRegistry()
    registry.register(MultiProcessCollector(None, str(tmp_path)))
    found = series(registry)
    assert (found["dials_total"], found["lateness_seconds_count"]) == (3, 9)


def environment():
    """Of a process that finds our sources."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_what_is_logged_has_no_surprises(caplog):
    """Every event but that of traces can be written down as JSON."""
    log = LogAndCount()
    with caplog.at_level("DEBUG", logger="ringback"):
        for event, _ in EVENTS:
            log(event)
        log(events.AttemptsEnded(pytest.fail))
    assert [record.message.split('"')[3] for record in caplog.records] == [type(event).__name__ for event, _ in EVENTS]
