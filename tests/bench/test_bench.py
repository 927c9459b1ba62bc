import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.__main__ import PARTS, Run, page

ROOT = Path(__file__).parents[2]
FIGURES: dict[str, dict[str, str]] = {
    "engine": {
        "engine: attempts from intent to outcome, 20,000 leads due": "at least 10,000 attempts/s",
        "engine: share of the bare SQL": "at least 0.35 of bare",
        "engine: a claim in batches of at most 1000, to its commit": "ms",
        "engine: a settlement in batches of at most 1000, to its commit": "ms",
        "engine: CPU of its own process for 1,000 attempts": "bare: ",
        "engine: CPU of PostgreSQL for 1,000 attempts": "bare: ",
    },
    "nodes": {
        "nodes: attempts a second by two on one database": "at least 1.3 times one node",
        "nodes: cores in use with two, the nodes": "with one: ",
        "nodes: cores in use with two, PostgreSQL": "with one: ",
        "nodes: cores in use with two, all": "with one: ",
    },
    "lateness": {
        "lateness: 100 dials/s due, 2,000 calls waiting, median": "at most 50 ms",
        "lateness: 100 dials/s due, 2,000 calls waiting, 99 of 100 within": "at most 250 ms",
        "lateness: 100 dials/s due, 2,000 calls waiting, the latest": "ms",
    },
    "backlog": {
        "backlog: a claim at 5,000 waiting": "at most 1.3 times that at 500",
        "backlog: a claim at 5,000 waiting, an old snapshot open": "at most 1.3 times that at 500",
    },
    "memory": {
        "memory: a node, 5,000 calls waiting and 50 up, at most": "at most 250 MB",
        "memory: calls up at the end": "calls",
    },
    "caps": {
        "caps: calls above a cap of 5, 8 claimers, 2 trials": "at most 0 calls",
        "caps: a trial": "s",
    },
    "leads": {
        "import: CSV of 3,000 leads": "at most 30 s",
        "import: CSV of 3,000 leads, resident memory at most": "at most 300 MB",
        "import: XLSX of 1,000 leads": "at most 10 s",
        "import: XLSX of 1,000 leads, resident memory at most": "MB",
    },
    "compare": {
        f"compare: {which}: {what} covered, of 5": "at least 90 histories"
        for which in ("one", "other", "difference")
        for what in ("reach", "attempts", "connected_sec")
    },
    "export": {
        "export: 2,000 attempts as parquet": "at most 120 s",
        "export: 2,000 attempts as parquet, resident memory at most": "at most 300 MB",
        "export: 2,000 attempts as parquet, a row": "bytes",
        "export: 2,000 attempts as csv": "s",
        "export: 2,000 attempts as csv, resident memory at most": "at most 300 MB",
        "export: 2,000 attempts as jsonl": "s",
        "export: 2,000 attempts as jsonl, resident memory at most": "at most 300 MB",
    },
    "history": {
        "history read: share of a bare handler, at 400 calls and 2,000 attempts": "at least 0.6 of bare",
        "history read: answers": "requests/s",
        "history read: time to answer at 4 connections, median": "bare: ",
        "history read: time to answer at 4 connections, 99 of 100 within": "bare: ",
        "history read: CPU of the server's process for 1,000 answers": "bare: ",
    },
    "rules": {
        "rules: attempts a second with all rules, of what the engine does without": "at least 0.6 times",
        "rules: a claim with 1,000 numbers on the list, of one without": "at most 1.2 times",
    },
    "ledger": {
        "ledger: attempts a second, of what the engine does without it": "at least 0.9 times",
        "ledger: behind by, at most": "at most 5 s",
        "ledger: entries written a second": "entries/s",
        "ledger: verifying 2,000 entries on one core": "at most 60 s",
        "ledger: falsified packets that were found and named, of 24": "at least 24 packets",
    },
    "webhooks": {
        "webhooks: 400 events, a receiver down for 24 h: lost": "at most 0 events",
        "webhooks: 400 events, a receiver down for 24 h: calls told out of order": "at most 0 calls",
        "webhooks: 400 events, a receiver down for 24 h: sent twice": "at most 1 % of them",
        "webhooks: from an event to its receiver, beside one that hangs": "at most 1 s",
        "webhooks: a settlement with no webhook": "us",
        "webhooks: two events of each attempt more": "us",
    },
    "plan": {
        "plan: 500 leads over 7 days": "at most 60 s",
        "plan: memory of its process": "MB",
        "plan: reach within its interval, of 4": "at least 18 runs",
        "plan: reach from the middle of the interval, median": "of its half",
        "plan: attempts foreseen of those that were made": "of them",
    },
}
PEERS = {
    "pgqueuer": "at least 4 times pgqueuer",
    "procrastinate": "at least 20 times procrastinate",
    "dbos": "at least 20 times dbos",
}
FIGURES["peers"] = {  # they are installed by `make bench` alone
    f"peers: attempts a second, against {name}": PEERS[name] for name in PEERS if importlib.util.find_spec(name)
}


HALVES = [
    ("engine", "nodes", "lateness", "backlog", "memory", "caps"),
    ("peers", "leads", "history", "export", "rules", "ledger", "compare", "plan", "webhooks"),
]


@pytest.mark.slow
@pytest.mark.parametrize("parts", HALVES)
def test_a_quick_bench_prints_every_figure(parts):
    """Each figure stands beside its limit or its peer, small sizes are not judged, and the page stays as it is."""
    benchmarks = ROOT / "docs" / "benchmarks.md"
    before = benchmarks.read_bytes()
    only = [word for part in parts for word in ("--only", part)]
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "bench", "--quick", *only],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in run.stdout.splitlines()]
    rows = {row[0]: " ".join(row[1:]) for row in cells if len(row) == 6}
    figures = {name: beside for part in parts for name, beside in FIGURES[part].items()}
    assert {name: _is_beside(rows, name, beside) for name, beside in figures.items()} == dict.fromkeys(figures, True)
    assert "not judged" in run.stdout
    assert " NO " not in run.stdout
    assert benchmarks.read_bytes() == before


def test_every_part_is_run_quickly():
    """But for the calls over SIP, which take minutes even so."""
    assert {part for half in HALVES for part in half} | {"sip"} == set(PARTS)


def test_the_page_explains_every_part():
    """Whoever reads a figure finds beside it how it was measured, and on what."""
    text = page({name: Run((("CPU", name),), []) for name in PARTS}, "")
    assert all(part.explained in text and f"- CPU: {name}" in text for name, part in PARTS.items())


def test_a_part_that_is_run_again_leaves_the_others_as_they_are():
    """Its own section is new, and stands where it stood."""
    before = page({name: Run((("CPU", name),), []) for name in PARTS}, "")
    after = page({"caps": Run((("CPU", "another"),), [])}, before)
    assert after == before.replace("- CPU: caps", "- CPU: another")


def _is_beside(rows: dict[str, str], name: str, beside: str) -> bool:
    """Whether a row of that name is there (some names end in what the run came to), and says so."""
    return any(row.startswith(name) and beside in cells for row, cells in rows.items())
