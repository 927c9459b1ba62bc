import pytest
from whenever import Date, Instant

from ringback.domain.library import MOST_PACKS, Faulty, Library, choose, parse_pack_names, span_sec
from ringback.domain.pack import Clause, Frequency, Pack, Scope
from ringback.errors import Invalid

NOW = Instant("2026-06-15T12:00:00Z")


def pack(name="a", version="2026.1", since=Date("2020-01-01")):
    """A pack without clauses."""
    return Pack(name, version, since, "A title", (), ())


def library(*packs, faulty=()):
    """The packs, by name and in their order."""
    names = dict.fromkeys(each.name for each in packs)
    return Library({name: tuple(p for p in packs if p.name == name) for name in names}, faulty)


def test_the_newest_version_in_force_is_meant():
    """A name without a version goes by the date of the dial; before its day a version is not there."""
    old, new = pack(since=Date("2026-01-01")), pack(version="2026.2", since=Date("2026-07-01"))
    shelf = library(old, new)
    assert choose(shelf, ["a"], NOW) == ((old,), ())
    assert choose(shelf, ["a"], Instant("2026-06-30T11:00:00Z")).packs == (old, new)  # July has begun in Kiribati
    assert choose(shelf, ["a"], Instant("2026-07-02T12:00:00Z")).packs == (new,)
    assert choose(shelf, ["a@2026.1"], Instant("2026-07-02T12:00:00Z")).packs == (old,)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("b", "no rule pack b is in force on 2026-06-15"),
        ("a@2025.1", "there is no rule pack a@2025.1; there are a@2026.1"),
        ("c", "no rule pack c is in force on 2026-06-15; there are c@2027.1"),
        ("d", "d@2026.1.toml: it does not parse"),
        ("d@2026.1", "d@2026.1.toml: it does not parse"),
        ("d@2026.9", "there is no rule pack d@2026.9; there are d@2025.1"),
        ("e", "e.toml: of no version"),
        ("e@2026.1", "e.toml: of no version"),
    ],
)
def test_a_pack_that_cannot_be_had_is_a_fault(name, fault):
    """One that is missing, not in force yet, or broken; a newer version that is broken might be the one in force."""
    broken = (
        Faulty("d", "2026.1", ("d@2026.1.toml: it does not parse",)),
        Faulty("e", None, ("e.toml: of no version",)),
    )
    packs = (pack(), pack("c", "2027.1", since=Date("2027-01-01")), pack("d", "2025.1"), pack("e"))
    assert choose(library(*packs, faulty=broken), ["a", name], NOW).faults == (fault,)


def test_a_broken_version_stops_none_that_pin_another():
    """Who names a version needs no other one."""
    good = pack("d", "2025.1")
    shelf = library(good, faulty=(Faulty("d", "2026.1", ("broken",)),))
    assert choose(shelf, ["d@2025.1"], NOW) == ((good,), ())


def test_a_folder_that_cannot_be_read_leaves_all_in_doubt():
    """It may hold the version that is in force; who pins one that is there needs no other."""
    shelf = library(pack(), faulty=(Faulty("", None, ("the folder cannot be read",)),))
    assert choose(shelf, ["a"], NOW).faults == ("the folder cannot be read",)
    assert choose(shelf, ["a@2026.2"], NOW).faults == ("the folder cannot be read",)
    assert choose(shelf, ["a@2026.1"], NOW) == ((pack(),), ())


def test_names_of_packs():
    """With a version or without, each once; none is none."""
    assert parse_pack_names(["us-fl", "us-federal@2026.1", "us-fl"]) == ("us-fl", "us-federal@2026.1")
    assert parse_pack_names(None) == ()
    assert parse_pack_names([]) == ()


@pytest.mark.parametrize(
    "raw", ["us-fl", ["US-FL"], ["us-fl@"], ["us-fl@latest"], [7], ["us-fl"] * (MOST_PACKS + 1), {}]
)
def test_other_names_are_refused(raw):
    """With the field and a right example."""
    with pytest.raises(Invalid, match=r"^rule_packs .*such as \['us-federal', 'us-fl@2026.1'\]"):
        parse_pack_names(raw)


def test_packs_look_back_as_far_as_any_version_that_is_meant():
    """One that comes into force later is known by then; a version that is not pinned is not meant."""

    def counting(version, within_sec):
        told = ("what it says", "where", "statute", "read", True, "")
        value = Frequency(3, within_sec)
        clause = Clause("often", *told, Date("2020-01-01"), None, Scope(frozenset({"US"})), value)
        return Pack("a", version, Date("2020-01-01"), "A title", (), (clause,))

    shelf = library(counting("2026.1", 60), counting("2030.1", 3_600), pack("b"))
    spans = [span_sec(shelf, names) for names in (["a"], ["b", "a@2026.1"], ["b"], ["c"], [])]
    assert spans == [3_600, 60, 0, 0, 0]
