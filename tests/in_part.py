"""How much of what takes long is tried: a part of it, or all with RINGBACK_TEST_PROFILE=thorough."""

import os

THOROUGH = os.environ.get("RINGBACK_TEST_PROFILE") == "thorough"


def each(stride: int) -> int:
    """How far it is from one thing that is tried to the next: to the very next when all is tried."""
    return 1 if THOROUGH else stride
