import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.merkle import EMPTY_ROOT, Leaf, Peaks, Span, leaf_hash, node_hash, prove, proven, root_of

# the reference leaves of Certificate Transparency, and the roots of their first 1 to 8
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
HASHES = [leaf_hash(leaf) for leaf in LEAVES]


def by_definition(leaves):
    """The root as section 2.1 of RFC 6962 defines it, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


def some_leaves(count):
    """So many leaves that differ."""
    return [leaf_hash(str(n).encode()) for n in range(count)]


@pytest.mark.parametrize(("count", "root"), list(enumerate(ROOTS, 1)))
def test_roots_are_those_of_certificate_transparency(count, root):
    """The reference vectors of the RFC's authors."""
    assert root_of(HASHES[:count]).hex() == root


def test_a_tree_without_leaves_has_the_hash_of_nothing():
    """As the RFC says."""
    assert root_of([]) == Peaks().root() == EMPTY_ROOT == by_definition([])


@given(st.integers(0, 300), st.data())
def test_a_tree_grows_leaf_by_leaf(count, data):
    """Whenever it is put away and taken up again, its root is that of all leaves at once."""
    leaves = some_leaves(count)
    cut = data.draw(st.integers(0, count))
    peaks = Peaks()
    for leaf in leaves[:cut]:
        peaks.add(leaf)
    peaks = Peaks.unpack(cut, peaks.pack())
    for leaf in leaves[cut:]:
        peaks.add(leaf)
    assert peaks.root() == root_of(leaves) == by_definition(leaves)


@pytest.mark.parametrize(("size", "packed"), [(1, b""), (2, bytes(64)), (3, bytes(63))])
def test_peaks_of_another_size_are_refused(size, packed):
    """Damage is noticed before anything is added."""
    with pytest.raises(ValueError, match="are not the peaks"):
        Peaks.unpack(size, packed)


def spans_in(count):
    """Some of so many leaves."""
    return st.sets(st.integers(0, count - 1)).map(lambda chosen: [Span(n, n + 1) for n in sorted(chosen)])


@st.composite
def proofs(draw):
    """A tree, some of its leaves, and the proof of those."""
    leaves = some_leaves(draw(st.integers(1, 70)))
    spans = draw(spans_in(len(leaves)))
    return leaves, spans, list(prove(leaves, spans))


@given(proofs())
def test_a_proof_tells_each_selected_leaf_and_no_other(made):
    """In order, with the hash that it has."""
    leaves, spans, proof = made
    told = list(proven(root_of(leaves), len(leaves), spans, iter(proof)))
    assert told == [Leaf(span.first, leaves[span.first]) for span in spans]


@given(proofs(), st.data())
def test_a_proof_that_was_changed_vouches_for_nothing_wrong(made, data):
    """Whatever is changed in it, a leaf has its own hash or none; and something has none."""
    leaves, spans, proof = made
    if not proof:
        return
    at = data.draw(st.integers(0, len(proof) - 1))
    changed = [*proof[:at], bytes(32), *proof[at + 1 :]] if data.draw(st.booleans()) else proof[:at]
    told = list(proven(root_of(leaves), len(leaves), spans, iter(changed)))
    assert [leaf.place for leaf in told] == [span.first for span in spans]
    assert {leaf.hash for leaf in told} <= {None, *(leaves[span.first] for span in spans)}
    assert None in {leaf.hash for leaf in told}


def test_one_leaf_among_many_has_a_short_proof():
    """Two hashes a level."""
    assert len(list(prove(some_leaves(1024), [Span(700, 701)]))) == 20
