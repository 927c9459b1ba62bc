import math

import pytest

from ringback.carriers.simulator.settings import DEFAULT_ANSWER_RATES, SimulatorSettings, parse_settings
from ringback.errors import Invalid


def test_settings_that_are_left_out_have_their_defaults():
    """An empty object is a simulator like real life."""
    assert parse_settings({}) == SimulatorSettings()
    assert parse_settings({"answer_rates": None, "record": None}) == SimulatorSettings()


def test_answer_rates_may_be_given_for_single_hours():
    """The other hours keep the published rates."""
    rates = parse_settings({"answer_rates": {"9": 0.5, "23": 0}}).answer_rates
    assert rates == (*DEFAULT_ANSWER_RATES[:9], 0.5, *DEFAULT_ANSWER_RATES[10:23], 0.0)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("seed", -1),
        ("seed", 2**63),
        ("seed", True),
        ("seed", 1.0),
        ("speed", -1),
        ("speed", "fast"),
        ("speed", math.nan),
        ("speed", math.inf),
        ("speed", 10**400),
        ("record", ""),
        ("record", 7),
        ("record", "a\0b"),
        ("record", "postgres.log"),
        ("record", "./run/dials.jsonl"),
        ("record", "dials/../lock"),
        ("answer_rates", [0.1] * 23),
        ("answer_rates", "high"),
        ("never_share", 1.1),
        ("busy_share", -0.1),
        ("voicemail_share", None),
        ("invalid_share", True),
        ("failure_share", []),
        ("mean_talk_sec", 2),
        ("ring_timeout_sec", 0),
        ("ring_timeout_sec", 121),
        ("detect_machines", "yes"),
        ("colour", "red"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(entry: str, value: object):
    """One line, which says which and what would be right."""
    with pytest.raises(Invalid) as refused:
        parse_settings({entry: value})
    assert len(refused.value.lines) == 1
    assert refused.value.lines[0].startswith(f"settings.{entry}")


@pytest.mark.parametrize("name", ["dials.jsonl", "postgres.jsonl", "dials/lock", "/var/lib/lock", "."])
def test_a_record_may_have_any_other_name(name: str):
    """Only what the data directory has itself is taken."""
    assert parse_settings({"record": name}).record == name


def test_all_wrong_settings_are_told_at_once():
    """One line for each, single hours among them."""
    with pytest.raises(Invalid) as refused:
        parse_settings({"speed": -1, "seed": "x", "answer_rates": {"24": 0.1, "9": 2}, "colour": 1}, field="sim")
    assert sorted(line.split(" ")[0] for line in refused.value.lines) == [
        "sim.answer_rates.24",
        "sim.answer_rates.9",
        "sim.colour",
        "sim.seed",
        "sim.speed",
    ]


def test_shares_of_numbers_that_exceed_the_whole_are_refused():
    """A number cannot be both."""
    with pytest.raises(Invalid, match="at most 1 together"):
        parse_settings({"never_share": 0.7, "invalid_share": 0.4})


@pytest.mark.parametrize("raw", [None, [], "fast"])
def test_settings_that_are_no_object_are_refused(raw: object):
    """With an example of one."""
    with pytest.raises(Invalid, match="must be an object"):
        parse_settings(raw)  # type: ignore[arg-type]  # JSON from outside may be anything
