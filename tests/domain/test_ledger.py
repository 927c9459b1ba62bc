import hashlib
import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.ledger import (
    Written,
    checkpoint_text,
    commitment,
    entry_hash,
    entry_line,
    genesis,
    spans_of,
    write,
)
from ringback.domain.merkle import Peaks, Span, root_of

WORKSPACE = UUID(int=7)
AT = "2026-03-02T12:00:00.000Z"
BODIES = st.lists(st.integers(0, 9).map(lambda n: b'{"attempt":%d}' % n), max_size=20)


def canonical(value):
    """RFC 8785 for what we have: sorted names, no blanks, nothing escaped that need not be."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def lines_of(bodies):
    """Entries as docs/ledger.md tells to make them, one by one."""
    previous, lines = hashlib.sha256(b"ringback-ledger-1\n" + WORKSPACE.bytes).hexdigest(), []
    for number, body in enumerate(bodies, 1):
        lines.append(canonical({"body": json.loads(body), "no": number, "prev": previous, "written_at": AT}))
        previous = hashlib.sha256(b"\x00" + lines[-1]).hexdigest()
    return lines


@given(BODIES)
def test_each_entry_names_the_one_before_it(bodies):
    """The head is the hash of the last, and the tree has all of them."""
    lines = lines_of(bodies)
    written = write(Written(genesis(WORKSPACE), Peaks()), bodies, AT)
    assert written.head == (entry_hash(lines[-1]) if lines else genesis(WORKSPACE))
    assert written.peaks.size == len(bodies)
    assert written.peaks.root() == root_of([entry_hash(line) for line in lines])


@given(BODIES, st.integers(0, 20))
def test_it_is_the_same_ledger_in_any_number_of_steps(bodies, cut):
    """What is written together is of no account."""
    whole = write(Written(genesis(WORKSPACE), Peaks()), bodies, AT)
    steps = write(write(Written(genesis(WORKSPACE), Peaks()), bodies[:cut], AT), bodies[cut:], AT)
    assert (steps.head, steps.peaks.roots) == (whole.head, whole.peaks.roots)


def test_an_entry_is_canonical():
    """Byte for byte what RFC 8785 makes of it."""
    line = entry_line(b'{"a":1}', 3, bytes(32), AT)
    assert line == canonical(json.loads(line))


def test_a_checkpoint_is_canonical():
    """So that it can be made again from its fields."""
    text = checkpoint_text(WORKSPACE, AT, 3, bytes(32), b"\xff" * 32)
    assert text == canonical(json.loads(text))
    assert json.loads(text)["entries"] == 3


def test_a_number_stands_as_the_hash_of_its_salt_and_itself():
    """Another salt, another commitment."""
    salt = bytes(range(16))
    assert commitment(salt, "+14155550100") == hashlib.sha256(salt + b"+14155550100").hexdigest()
    assert commitment(bytes(16), "+14155550100") != commitment(salt, "+14155550100")


@pytest.mark.parametrize(
    ("numbers", "spans"),
    [
        ([], []),
        ([1], [Span(0, 1)]),
        ([1, 2, 3], [Span(0, 3)]),
        ([2, 3, 7, 9, 10], [Span(1, 3), Span(6, 7), Span(8, 10)]),
    ],
)
def test_numbers_that_follow_each_other_are_one_span(numbers, spans):
    """So that a whole ledger is one."""
    assert spans_of(numbers) == spans
