"""What a campaign will come to: the stage is set once, and played by several runs of chance."""

import json
import random
from typing import NamedTuple

from whenever import TimeDelta

from ringback.carriers.simulator.settings import SimulatorSettings, parse_settings
from ringback.domain.plan import ENOUGH_LEADS, MOST_RUNS, Foreseen, Order, Reach, reach, together
from ringback.engine.explain import Longest
from ringback.errors import Impossible
from ringback.planning.people import Learned, People, Rates, Simulated, learn, rates_in_words
from ringback.planning.play import Play
from ringback.planning.stage import Stage, set_stage
from ringback.rules.shelf import Shelf
from ringback.store import planning
from ringback.store.campaigns import CampaignRow
from ringback.store.database import Connection

MOST_SEED = 2**63


class Answers(NamedTuple):
    """Who answers.

    Attributes:
        who: the simulator's people, or rates that were learned.
        in_words: what they are.
        speed: how many times faster than life they ring and talk.
    """

    who: SimulatorSettings | Rates
    in_words: str
    speed: float = 1.0

    def people(self, chance: random.Random) -> People:
        """Those of one run: other people in each."""
        if isinstance(self.who, Rates):
            return Learned(self.who, chance)
        return Simulated(self.who, chance.randrange(MOST_SEED))


class Plan(NamedTuple):
    """What was found.

    Attributes:
        stage: what was played.
        answers: who answered.
        foreseen: what it came to.
        reach: of all leads of the campaign, those that were reached before among them.
    """

    stage: Stage
    answers: Answers
    foreseen: Foreseen
    reach: Reach


async def read_plan(
    db: Connection, campaign: CampaignRow, order: Order, shelf: Shelf, longest: Longest
) -> tuple[Stage, Answers]:
    """All that a plan goes by.

    Args:
        db: a connection, in a transaction with one snapshot that may read much.
        campaign: which.
        order: what is asked for.
        shelf: where the rule packs are.
        longest: knows the kinds of trunk.

    Raises:
        Impossible: `no_history`: there are no past dials to learn from.
    """
    stage = await set_stage(db, campaign, order, shelf, longest)
    return stage, await _answers(db, campaign, order, stage)


def foresee(stage: Stage, answers: Answers, most_runs: int = MOST_RUNS) -> Plan:
    """Play a campaign as often as there is time for: the same order on the same data comes to the same.

    Args:
        stage: what it is played on.
        answers: who answers.
        most_runs: at most so often.
    """
    played = len(stage.leads)
    runs = max(1, min(most_runs, ENOUGH_LEADS // max(played, 1)))
    found = []
    for run in range(runs):
        chance = random.Random(f"plan {stage.order.seed} run {run}")  # noqa: S311 - the same seed gives the same plan
        found.append(Play(stage, answers.people(chance), answers.speed, chance).run())
    foreseen, before = together(found, stage.each), stage.counts.reached
    known = answers.who.reached if isinstance(answers.who, Rates) else None
    more = reach(foreseen.finals.get("reached", 0.0), stage.counts.open, played * runs, known)
    return Plan(stage, answers, foreseen, Reach(*(before + leads for leads in more)))


async def _answers(db: Connection, campaign: CampaignRow, order: Order, stage: Stage) -> Answers:
    lane = next(iter(stage.lanes.values()))
    own = next(row for row in lane if row["via_trunk_no"] == campaign.trunk_no)
    is_known = stage.trunks.accepts((campaign.workspace_no, campaign.trunk_no))
    known = parse_settings(json.loads(own["settings"])) if own["kind"] == "simulator" and is_known else None
    speed = 1.0 if known is None else known.speed
    if order.history_days is not None:
        return await _learned(db, campaign, order, order.history_days, speed)
    if order.answers is not None:
        words = "the simulator's people, with what the request says of them"
        return Answers(parse_settings(order.answers, "answers"), words, speed)
    if known is not None:
        return Answers(known, "the people of the campaign's simulator, drawn anew", speed)
    words = "the simulator's people: answer rates by the hour of the lead's day, as published of 11 million calls"
    return Answers(SimulatorSettings(), words, speed)


async def _learned(db: Connection, campaign: CampaignRow, order: Order, days: int, speed: float) -> Answers:
    begins = order.now - TimeDelta(hours=24 * days)
    found = await planning.read_outcomes(db, campaign.workspace_no, begins, order.now)
    rates = learn(found, planning.MOST_ORDINAL)
    if rates is None:
        raise Impossible("no_history", f"this workspace has dialled nobody in the last {days} days: give other answers")
    return Answers(rates, rates_in_words(rates, days), speed)
