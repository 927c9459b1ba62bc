"""Looks at everything and says what it found, the worst last, where the reader's eyes are."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from ringback.attach import attached
from ringback.clock import SystemClock
from ringback.config import Settings
from ringback.doctor import machine, ours, rules
from ringback.doctor.facts import Facts
from ringback.doctor.finding import Finding, Level, warn
from ringback.doctor.gather import gather_facts

Check = Callable[[Facts], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    machine.clock,
    machine.disk,
    machine.database,
    machine.old_snapshots,
    ours.schema,
    ours.nodes,
    ours.rows,
    ours.campaigns,
    ours.limits,
    ours.tables,
    ours.trunks,
    rules.rules,
)

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def findings_of(facts: Facts) -> list[Finding]:
    """All findings, the worst last. What was not looked at to its end is not told to be well."""
    found = [finding for check in CHECKS for finding in check(facts)]
    found = [finding for finding in found if finding.level is not Level.OK or finding.check not in facts.slow]
    found += [_slow(check) for check in dict.fromkeys(facts.slow)]
    return sorted(found, key=lambda finding: list(Level).index(finding.level))


def doctor(settings: Settings, *, as_json: bool) -> bool:
    """Print the findings of an installation, whose server may run; returns whether none is a failure.

    Raises:
        OurError: there is no database, or it does not answer; the message says what to do.
    """
    with attached(settings) as dsn:
        facts = asyncio.run(gather_facts(dsn, settings, SystemClock()))
    found = findings_of(facts)
    healthy = not any(finding.level is Level.FAIL for finding in found)
    if as_json:
        Console().print_json(data={"healthy": healthy, "findings": [asdict(finding) for finding in found]})
    else:
        for finding in found:
            Console().print(_shown(finding), soft_wrap=True)
    return healthy


def _slow(check: str) -> Finding:
    return warn(
        check,
        "a look took more than a minute, so there may be more than is told here",
        "look again at a quiet time; if it stays so, see who holds a lock on our tables for long",
    )


def _shown(finding: Finding) -> Text:
    text = Text.assemble((f"{finding.level:<5}", _COLOURS[finding.level]), f"{finding.check:<10} {finding.what}")
    if finding.remedy:
        text.append(f"\n{'':16}-> {finding.remedy}", "dim")
    return text
