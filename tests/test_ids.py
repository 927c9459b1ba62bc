import random
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback import ids

NOW = Instant("2026-06-01T12:00:00.123456Z")
MILLI = 1_780_315_200_123
PREFIXES = (ids.WORKSPACE, ids.KEY, ids.AGENT, ids.TRUNK, ids.CAMPAIGN, ids.LEAD, ids.CALL, ids.ATTEMPT)
millis = st.integers(0, 2**48 - 1)
uuids = st.uuids(allow_nil=True)


@settings(deadline=None)
@given(millis, st.randoms(use_true_random=False))
def test_a_new_id_is_a_uuid_version_7(milli, chance):
    """Version, variant and the millisecond are where RFC 9562 puts them."""
    made = ids.Ids(chance).at_milli(milli)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == milli


@pytest.mark.parametrize("bits", [0, 1, 2**61, 2**62, 2**73, 2**74 - 1])
def test_every_random_bit_is_kept(bits):
    """74 of them, beside the version and the variant."""
    made = ids.Ids(_Fixed(bits)).at_milli(MILLI).int
    assert (made >> 64 & 0xFFF) << 62 | made & (2**62 - 1) == bits


class _Fixed(random.Random):
    """Chance that is none."""

    def __init__(self, bits):
        super().__init__()
        self._fixed = bits

    def getrandbits(self, k):
        assert k == 74
        return self._fixed


def test_an_id_carries_the_millisecond_of_now():
    """The rest of the second is not told."""
    assert ids.Ids(random.Random(1)).new(NOW).int >> 80 == MILLI


@settings(deadline=None)
@given(millis, millis, st.randoms(use_true_random=False))
def test_ids_are_ordered_by_time(one, other, chance):
    """One of a later millisecond is greater: as a uuid, in its bytes, and in its public form."""
    makes = ids.Ids(chance).at_milli
    sooner, later = makes(min(one, other)), makes(max(one, other))
    if one != other:
        assert sooner < later
        assert sooner.bytes < later.bytes
        assert ids.show(ids.CALL, sooner) < ids.show(ids.CALL, later)


def test_the_same_seed_makes_the_same_ids():
    """A demo can be repeated."""
    one, other = ids.Ids(random.Random(7)), ids.Ids(random.Random(7))
    times = [NOW + TimeDelta(seconds=n) for n in range(9)]
    assert [one.new(at) for at in times] == [other.new(at) for at in times]


def test_ids_of_one_millisecond_differ():
    """Seventy-four bits do not repeat."""
    makes = ids.Ids(random.Random(7))
    assert len({makes.new(NOW) for _ in range(1000)}) == 1000


@settings(deadline=None)
@given(st.sampled_from(PREFIXES), uuids)
def test_an_id_survives_its_public_form(prefix, value):
    """What is shown is read back as the same id, and under no other prefix."""
    shown = ids.show(prefix, value)
    assert shown.startswith(f"{prefix}_")
    assert ids.read(prefix, shown) == value
    assert all(ids.read(other, shown) is None for other in PREFIXES if other != prefix)


def test_the_public_form_is_a_type_id():
    """As the TypeID specification gives it."""
    value = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    assert ids.show("prefix", value) == "prefix_01h455vb4pex5vsknk084sn02q"


@settings(deadline=None)
@given(st.text() | st.text("call_0123456789abcdefghjkmnpqrstvwxyzABC-", max_size=40).map(lambda tail: f"call_{tail}"))
def test_odd_text_is_no_id(text):
    """Whatever stands in a path is an id in its one written form, or it is none; nothing is raised."""
    value = ids.read(ids.CALL, text)
    assert value is None or ids.show(ids.CALL, value) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_",
        "call",
        "call_",
        "call_x9y3zp4mq7r1",
        "01h455vb4pex5vsknk084sn02q",
        "_01h455vb4pex5vsknk084sn02q",
        "call_01H455VB4PEX5VSKNK084SN02Q",
        "CALL_01h455vb4pex5vsknk084sn02q",
        "call_01h455vb4pex5vsknk084sn02q ",
        "call_01h455vb4pex5vsknk084sn02q\n",
        "call__01h455vb4pex5vsknk084sn02q",
        "call_81h455vb4pex5vsknk084sn02q",
        "call_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "call_01h455vb4pex5vsknk084sn0\x00q",
        "call_01h455vb4pex5vsknk084sn0éq",
        "lead_01h455vb4pex5vsknk084sn02q",
        "c" * 64 + "_01h455vb4pex5vsknk084sn02q",
        "call_01890a5d-ac96-774b-bcce-b302099a8057",
    ],
)
def test_what_resembles_an_id_is_none(text):
    """Another case, one letter too many, a first letter too great, another prefix, a bare uuid."""
    assert ids.read(ids.CALL, text) is None
