"""A network of two machines: what is at the far end lives in a namespace of its own, behind a cable that can be pulled.

Linux only, for root alone: who cannot make a namespace skips what needs one.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Cable:
    """Two ends that are joined.

    Attributes:
        namespace: where the far end is.
        near: the interface here.
        far: the interface there.
        ours: the address here.
        theirs: the address there.
    """

    namespace: str
    near: str
    far: str
    ours: str
    theirs: str

    @property
    def within(self) -> list[str]:
        """What goes before a command that is to run at the far end."""
        return ["ip", "netns", "exec", self.namespace]

    def interface_down(self) -> None:
        """Take our own interface down: there is no way to the far end any more, and who sends is told."""
        _ip("link", "set", self.near, "down")

    def interface_up(self) -> None:
        """Have it back."""
        _ip("link", "set", self.near, "up")

    def lose_all(self) -> None:
        """Let everything be lost on the way, and nobody be told."""
        _ip("-n", self.namespace, "link", "set", self.far, "down")

    def lose_nothing(self) -> None:
        """Have that back."""
        _ip("-n", self.namespace, "link", "set", self.far, "up")


@contextmanager
def cable() -> Iterator[Cable]:
    """A network, until the block ends; the test is skipped where none can be made."""
    number = os.getpid() % 16_384  # so many /30 nets has 198.18.0.0/16, which is for tests of networks (RFC 2544)
    third, fourth = divmod(number * 4, 256)
    name = f"rb{os.getpid()}"
    made = Cable(name, f"{name}n", f"{name}f", f"198.18.{third}.{fourth + 1}", f"198.18.{third}.{fourth + 2}")
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` (iproute2)")
    try:
        _ip("netns", "add", made.namespace)
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"no network namespace can be made here: {refused.stderr.strip()}")
    try:
        _join(made)
        yield made
    finally:
        _ip("netns", "del", made.namespace)  # its interface goes with it, and so does the other end of that


def _join(made: Cable) -> None:
    try:
        _ip("link", "add", made.near, "type", "veth", "peer", "name", made.far, "netns", made.namespace)
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"no pair of interfaces can be made here: {refused.stderr.strip()}")
    _ip("addr", "add", f"{made.ours}/30", "dev", made.near)
    _ip("-n", made.namespace, "addr", "add", f"{made.theirs}/30", "dev", made.far)
    _ip("-n", made.namespace, "link", "set", "lo", "up")
    made.lose_nothing()
    made.interface_up()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
