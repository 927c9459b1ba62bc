"""The Merkle tree of RFC 6962, section 2.1, over the hashes of leaves: its root, and proofs for a selection of them."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

HASH_BYTES = 32

EMPTY_ROOT = hashlib.sha256(b"").digest()


class Span(NamedTuple):
    """The leaves from `first` to before `end`, counted from 0."""

    first: int
    end: int


class Leaf(NamedTuple):
    """What a proof says of a leaf that was selected.

    Attributes:
        place: counted from 0.
        hash: what it must be, None where the proof itself is wrong above it.
    """

    place: int
    hash: bytes | None


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Peaks:
    """The roots of the whole subtrees that a growing tree is made of: all that is needed to add to it.

    Args:
        size: leaves so far.
        roots: one for each bit of `size` that is set, the largest subtree first.
    """

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        self.size = size
        self.roots = list(roots)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> "Peaks":
        """What `pack` made of one of this size.

        Raises:
            ValueError: it is of another size.
        """
        roots = [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]
        if len(roots) != size.bit_count() or len(packed) % HASH_BYTES:
            raise ValueError(f"{len(packed)} bytes are not the peaks of {size} leaves")
        return cls(size, roots)

    def pack(self) -> bytes:
        """The roots, one after another."""
        return b"".join(self.roots)

    def add(self, leaf: bytes) -> None:
        """One more leaf, by its hash."""
        size, root = self.size, leaf
        while size & 1:
            root = node_hash(self.roots.pop(), root)
            size >>= 1
        self.roots.append(root)
        self.size += 1

    def root(self) -> bytes:
        """The root of the whole tree."""
        if not self.roots:
            return EMPTY_ROOT
        root = self.roots[-1]
        for left in self.roots[-2::-1]:
            root = node_hash(left, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of a tree of these leaves, given by their hashes."""
    return _levels(leaves)[-1][0] if leaves else EMPTY_ROOT


def prove(leaves: Sequence[bytes], selected: Sequence[Span]) -> Iterator[bytes]:
    """The proof that the selected leaves are in the tree: both children of each node that has one of them below it.

    They come from the root down, the left before the right, so that whoever trusts the root comes to trust the hash of
    each selected leaf, and can name the one that is not what it was.

    Args:
        leaves: the hashes of all of them.
        selected: ascending and apart from each other.
    """
    levels, spans = _levels(leaves), _Selected(selected)
    stack = [Span(0, len(leaves))]
    while stack:
        span = stack.pop()
        if span.end - span.first < 2 or not spans.touch(span):
            continue
        left, right = _halves(span)
        yield _node(levels, left)
        yield _node(levels, right)
        stack += (right, left)


def proven(root: bytes, size: int, selected: Sequence[Span], proof: Iterator[bytes | None]) -> Iterator[Leaf]:
    """What the selected leaves must be, in ascending order, by a proof and the root that is trusted.

    Args:
        root: of the tree.
        size: leaves in it.
        selected: what `prove` was given.
        proof: what it answered; where it is wrong or ends early, what is below has no hash.
    """
    spans = _Selected(selected)
    stack: list[tuple[Span, bytes | None]] = [(Span(0, size), root)]
    while stack:
        span, trusted = stack.pop()
        if not spans.touch(span):
            continue
        if span.end - span.first == 1:
            yield Leaf(span.first, trusted)
            continue
        below = _children(trusted, next(proof, None), next(proof, None))
        left, right = _halves(span)
        stack += ((right, below[1]), (left, below[0]))


def _children(trusted: bytes | None, left: bytes | None, right: bytes | None) -> tuple[bytes | None, bytes | None]:
    if trusted is None or left is None or right is None or node_hash(left, right) != trusted:
        return None, None
    return left, right


def _halves(span: Span) -> tuple[Span, Span]:
    """The left one is the largest power of two that is less than the whole."""
    middle = span.first + (1 << ((span.end - span.first - 1).bit_length() - 1))
    return Span(span.first, middle), Span(middle, span.end)


def _levels(leaves: Sequence[bytes]) -> list[Sequence[bytes]]:
    """The hashes by height; one without a neighbour goes up as it is."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        level = [node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append([*level, below[-1]] if len(below) % 2 else level)
    return levels


def _node(levels: Sequence[Sequence[bytes]], span: Span) -> bytes:
    height = (span.end - span.first - 1).bit_length()
    return levels[height][span.first >> height]


class _Selected:
    """Tells of spans, asked about from left to right, whether anything in them is selected."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._at = 0

    def touch(self, span: Span) -> bool:
        while self._at < len(self._spans) and self._spans[self._at].end <= span.first:
            self._at += 1
        return self._at < len(self._spans) and self._spans[self._at].first < span.end
