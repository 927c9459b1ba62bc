"""Findings on the rule packs: files that are none, and whose dials wait for a pack."""

from collections.abc import Iterator

from ringback.config import RULES_DIR
from ringback.doctor.facts import Facts
from ringback.doctor.finding import Finding, fail, ok, some, warn


def rules(facts: Facts) -> Iterator[Finding]:
    """Whether all packs can be read, and all that were chosen can be had."""
    stopped = facts.ours.stopped if facts.ours else ()
    for state in stopped:
        yield fail(
            "rules",
            f"nothing of the {state.kind} {state.name} is dialled: {some(list(state.faults))}",
            f"mend or add the pack in the folder that {RULES_DIR} names, or choose another one",
        )
    for file in facts.library.faulty:
        yield warn("rules", some(list(file.lines)), f"mend it, or take it out of the folder that {RULES_DIR} names")
    if not stopped and not facts.library.faulty:
        yield ok("rules", f"{len(facts.library.packs)} rule packs, and all that are chosen can be had")
