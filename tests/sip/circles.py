"""A worker in which Python looks for no circles: what ends up in one stays, and is counted when the worker ends.

Started by a test as the pool starts a worker: `python -m tests.sip.circles --fd FD`. It writes how many objects of each
class of ours it kept, as a JSON object.
"""

import asyncio
import gc
import json
import sys
from collections import Counter

from ringback.carriers.sip.stack import StackRefused
from ringback.carriers.sip.worker import keep_errors_ours, serve


def tie_a_knot() -> None:
    """Leave one circle, by which it is seen that they are counted."""
    knot = StackRefused()
    knot.args = (knot,)


def left_behind() -> dict[str, int]:
    """Objects of ours that nobody can reach any more, by class."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    return Counter(type(each).__name__ for each in gc.garbage if type(each).__module__.startswith("ringback."))


if __name__ == "__main__":
    keep_errors_ours()
    gc.disable()
    tie_a_knot()
    asyncio.run(serve(int(sys.argv[sys.argv.index("--fd") + 1])))
    sys.stdout.write(json.dumps(left_behind()))
