import os
import shutil
import sys

import pytest
from tests.chaos.chaos import Chaos
from tests.postgres import scratch_folder

SEED = int(os.environ.get("RINGBACK_TEST_SEED", "1"))
AWAY_SEC, BACK_SEC = 10.0, 20.0


@pytest.fixture
def folder():
    """For a run, which leaves nothing."""
    made = scratch_folder()
    yield made
    shutil.rmtree(made)


@pytest.mark.slow
async def test_whatever_is_killed_frozen_or_cut_off_nobody_is_dialled_twice_and_nothing_is_lost(folder):
    """Two hundred kills, freezes and cuts: the far end's record, the rows, the caps and the policies agree."""
    seeded = f"RINGBACK_TEST_SEED={SEED}"
    print(seeded, file=sys.stderr)  # noqa: T201 - pytest shows it with a failure
    chaos = Chaos(folder)
    try:
        async with chaos.running():
            findings = await chaos.round(SEED, AWAY_SEC, BACK_SEC)
    except BaseException as failed:
        failed.add_note(seeded)
        raise
    finally:
        print(seeded, chaos.tally.line(), file=sys.stderr)  # noqa: T201 - likewise
    wrong = {finding.check: finding.wrong for finding in findings if finding.wrong}
    assert not wrong, seeded
    assert chaos.tally.blows >= 200
    assert chaos.tally.kills >= 60
    assert chaos.tally.freezes >= 40
    assert chaos.tally.dials > 200
    assert chaos.tally.looks > 500
