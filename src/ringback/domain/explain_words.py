"""An explanation said in words, each time in UTC with the lead's own beside it."""

from collections.abc import Callable, Mapping
from typing import Any

from whenever import Instant

from ringback.domain.decision import NO_CONSENT_YET
from ringback.domain.explain import Action, Constraint, Explanation, Kind, show_local
from ringback.domain.pre_dial_check import Why
from ringback.domain.window import Zones


def explained_in_words(explanation: Explanation) -> str:
    """What happens next, in one sentence."""
    then, zones = explanation.next, explanation.zones
    binding = [constraint_in_words(one, zones) for one in explanation.constraints if one.binding]
    why = "; ".join(dict.fromkeys(binding))
    first = explanation.constraints[0].kind if explanation.constraints else None
    if first in (Kind.FINAL, Kind.LIVE):
        return why
    if then.action is Action.DIAL:
        return f"attempt {then.attempt} is dialled as soon as its turn comes: nothing holds it up"
    if then.action is Action.NONE:
        return f"it is not dialled any more, and ends {moment(then.at, zones)}: {why}"
    if then.at is None:
        return f"attempt {then.attempt} waits, and nobody can say until when: {why}"
    return f"attempt {then.attempt} is dialled {moment(then.at, zones)}: {why}"


def constraint_in_words(one: Constraint, zones: Zones) -> str:
    """What one constraint means for the call."""
    return _WORDS[one.kind](one.detail, moment(one.until, zones))


def moment(at: Instant | None, zones: Zones) -> str:
    """A time in UTC, and what the clock shows at the lead's; `at a time that nobody knows` for none."""
    if at is None:
        return "at a time that nobody knows"
    shown = f"at {at.format_iso(unit='second')[:19].replace('T', ' ')} UTC"
    local = show_local(at, zones)
    return shown if local is None else f"{shown} ({local.replace('T', ' ')} in {zones[0]})"


def _final(detail: Mapping[str, Any], _: str) -> str:
    status = f"it is over since {detail['finished_at']}: {detail['final_status']}, {detail['final_reason']}"
    if detail["rule"] is not None:
        return f"{status}, by the decision {detail['rule']}"
    if detail["attempt"] is None:
        return f"{status}, and was never dialled"
    return f"{status}, after attempt {detail['attempt']}, which ended with {detail['end_reason']}"


def _live(detail: Mapping[str, Any], until: str) -> str:
    return f"attempt {detail['attempt']} is {detail['status']} since {detail['since']}, and over {until} at the latest"


def _interval(detail: Mapping[str, Any], until: str) -> str:
    if not detail["after_attempt"]:
        return f"it is due {until}"
    by = f" ({detail['rule']})" if detail["rule"] else ""
    return f"it waits for the interval after attempt {detail['after_attempt']}{by}, which is over {until}"


def _window(detail: Mapping[str, Any], until: str) -> str:
    return f"it is outside the calling hours{_there(detail)}, which begin {until}"


def _rule_pack(detail: Mapping[str, Any], until: str) -> str:
    if "rule" not in detail:
        return f"a rule pack cannot be had, and nothing is dialled without it: {detail['why']}"
    clause = f"{detail['rule']} of {detail['pack']}@{detail['pack_version']}"
    return f"{clause} forbids it{_there(detail)}, and allows it {until}"


def _there(detail: Mapping[str, Any]) -> str:
    if detail.get("local_time") is None:
        return ""
    return f" ({detail['local_time'].replace('T', ' ')} in {detail['timezone']})"


def _caller(detail: Mapping[str, Any], until: str) -> str:
    pool = f"its caller pool {detail['caller_pool_id']}"
    if not detail["numbers"]:
        return f"{pool} has no numbers, and is looked at again {until}"
    return f"all {detail['numbers']} numbers of {pool} rest, the first until {until.removeprefix('at ')}"


def _ends_at(detail: Mapping[str, Any], until: str) -> str:
    if "rule" not in detail:
        return f"it is not dialled any more {until} or later"
    by = "its campaign's end" if detail["rule"] == "campaign_end" else "its policy's expiry"
    return f"{by} leaves no time for it: {detail['ends_at']}"


def _consent(detail: Mapping[str, Any], until: str) -> str:
    if detail.get("why") == NO_CONSENT_YET:
        return "its campaign requires a consent, which the lead has not given"
    if "rule" not in detail:
        return f"the lead's consent ends {until}, and it is not dialled then or later"
    return f"the lead's consent leaves no time for it: {detail['ends_at']}"


def _pre_dial_check(detail: Mapping[str, Any], until: str) -> str:
    said = f": {detail['reason']}" if detail.get("reason") else ""
    if detail["why"] == Why.VETO:
        return f"the workspace's own check has vetoed it{said}, and is asked again {until}"
    return f"the workspace's own check gave no answer ({detail['why']}{said}), and is asked again {until}"


def _slot(detail: Mapping[str, Any], _: str) -> str:
    return f"all slots of its {detail['limit']} are taken at this moment: {detail['up']} of {detail['cap']}"


def _rate(detail: Mapping[str, Any], _: str) -> str:
    return f"the pace of its {detail['limit']} is used up at this moment: {detail['cap']:g} dials a second"


def _budget(detail: Mapping[str, Any], _: str) -> str:
    spent, amount = (f"{detail[name] / 1_000_000:,.2f}" for name in ("spent_micros", "budget_micros"))
    return (
        f"the budget of its {detail['limit']} is spent: {spent} of {amount} {detail['currency']}; it goes on once that "
        "is raised"
    )


def _too_costly(detail: Mapping[str, Any], _: str) -> str:
    cost, most = (f"{detail[name] / 1_000_000:,.2f}" for name in ("cost_per_reach_micros", "at_most_micros"))
    return (
        f"redials do not pay: {detail['attempts']:,} attempts of ordinal {detail['ordinal']} reached "
        f"{detail['reached']:,} people, at {cost} {detail['currency']} each, more than {most}"
    )


_WORDS: dict[Kind, Callable[[Mapping[str, Any], str], str]] = {
    Kind.FINAL: _final,
    Kind.LIVE: _live,
    Kind.NOT_STARTED: lambda _, __: "its campaign has not been started",
    Kind.PAUSED: lambda _, __: "its campaign is paused",
    Kind.STARTS_AT: lambda _, until: f"its campaign begins {until}",
    Kind.INTERVAL: _interval,
    Kind.WINDOW: _window,
    Kind.NO_ZONE: lambda _, __: "nobody knows in which time zone the lead is: give it one, or the workspace",
    Kind.RULE_PACK: _rule_pack,
    Kind.CONTACT: lambda detail, until: f"the contact rule {detail['rule']} forbids it, and allows it {until}",
    Kind.CONSENT: _consent,
    Kind.PRE_DIAL_CHECK: _pre_dial_check,
    Kind.CALLER: _caller,
    Kind.DO_NOT_CALL: lambda _, __: "the number is on the do-not-call list",
    Kind.ENDS_AT: _ends_at,
    Kind.SLOT: _slot,
    Kind.RATE: _rate,
    Kind.BUDGET: _budget,
    Kind.TOO_COSTLY: _too_costly,
    Kind.TRUNK: lambda detail, _: f"its trunk {detail['trunk_id']} cannot be set up: {detail['why']}",
    Kind.NODE: lambda _, __: "no node lives that could dial",
}
