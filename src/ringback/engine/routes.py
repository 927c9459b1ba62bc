"""The ways that the dials of each lane may go at this moment, and whose turn it is among them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ringback.domain.campaign import CampaignState
from ringback.domain.limits import Lane, LaneKey, LaneWay, LimitKey, Room
from ringback.domain.ways import Turns, Way
from ringback.engine.live import LiveAttempt, Named, Route
from ringback.engine.plan import Plans
from ringback.engine.trunks import Trunk, TrunkKey, Trunks
from ringback.store import queue
from ringback.store.database import Record

LaneRoutes = dict[LaneKey, dict[Way, Route]]
"""By lane, then by way; a lane that is missing may not be dialled now."""

InOrder = dict[LaneKey, Iterator[Route]]
"""The routes of the dials of each lane, one after another."""


class Routes:
    """Knows whose turn it is in each campaign that has several trunks.

    Args:
        plans: of the campaigns.
        trunks: the carriers.
    """

    def __init__(self, plans: Plans, trunks: Trunks) -> None:
        self._plans = plans
        self._trunks = trunks
        self._turns: dict[LaneKey, Turns] = {}

    def open(self, rows: Iterable[Record]) -> LaneRoutes:
        """The lanes that may be dialled now, with the ways that their dials may go; all their limits must be there."""
        lanes: LaneRoutes = {}
        for row in rows:
            limits = queue.limits_of(row)
            trunk_key = (row["workspace_no"], row["via_trunk_no"])
            trunk = self._trunks.refresh(trunk_key, row)
            if trunk is not None and self._trunks.takes_dials(trunk_key) and None not in limits.values():
                lane = queue.lane_key(row)
                lanes.setdefault(lane, {})[self._plans.way(row)] = _route(row, trunk_key, trunk, tuple(limits))
        return lanes

    def wanted(
        self,
        lanes: LaneRoutes,
        rooms: Mapping[LimitKey, Room],
        up: Mapping[LaneKey, int],
        weights: Mapping[LaneKey, int],
    ) -> list[Lane]:
        """The lanes as their dials are allotted.

        Args:
            lanes: that are open.
            rooms: of the limits that have a cap.
            up: calls of each campaign that are up.
            weights: of the lanes.
        """
        return [
            Lane(
                key,
                (),
                up.get(home(key), 0),
                weights[key],
                tuple(LaneWay(way, _capped(route, rooms)) for way, route in routes.items()),
                self._turns.get(home(key), Turns()) if len(routes) > 1 else Turns(),
            )
            for key, routes in lanes.items()
        ]

    def note(self, intents: Iterable[LiveAttempt]) -> None:
        """Remember which ways the dials of campaigns with several went: theirs is the next turn."""
        for attempt in intents:
            if len(attempt.plan.ways) > 1:
                lane, trunk_no = attempt.route.lane, attempt.route.trunk[1]
                way = next(way for way in attempt.plan.ways if way.trunk_no == trunk_no)
                self._turns[lane] = self._turns.get(lane, Turns()).taken(way)


def home(lane: LaneKey) -> LaneKey:
    """The lane by which the calls of a campaign are counted, whichever they waited in."""
    return lane._replace(trunk_no=0) if lane.is_given_trunk else lane


def in_order(lanes: LaneRoutes, shares: Mapping[LaneKey, Sequence[int]]) -> InOrder:
    """The routes of the dials that were allotted, by their trunks."""
    return {key: _each(lanes[key].values(), share) for key, share in shares.items()}


def carrier_rooms(lanes: LaneRoutes, trunks: Trunks) -> dict[LimitKey, Room]:
    """What this node's own end of each trunk takes at this moment, where that is bounded."""
    rooms = {}
    for route in (route for routes in lanes.values() for route in routes.values()):
        slots = trunks.carrier(route.trunk).room()
        if slots is not None:
            rooms[route.carrier] = Room(slots=slots)
    return rooms


def stranded(rows: Iterable[Record], lanes: LaneRoutes) -> list[LaneKey]:
    """The lanes of dials that must go over one trunk, which takes none or is the campaign's no more; it runs."""
    running = (row for row in rows if row["status"] == CampaignState.RUNNING)
    return [key for key in dict.fromkeys(map(queue.lane_key, running)) if key.is_given_trunk and key not in lanes]


def _each(routes: Iterable[Route], trunk_nos: Sequence[int]) -> Iterator[Route]:
    by_trunk = {route.trunk[1]: route for route in routes}
    return (by_trunk[trunk_no] for trunk_no in trunk_nos)


def _capped(route: Route, rooms: Mapping[LimitKey, Room]) -> tuple[LimitKey, ...]:
    return tuple(key for key in (*route.limits, route.carrier, route.check, route.pool) if key in rooms)


def _route(row: Record, trunk_key: TrunkKey, trunk: Trunk, limits: tuple[LimitKey, ...]) -> Route:
    return Route(
        lane=home(queue.lane_key(row)),
        trunk=trunk_key,
        caller_no=row["bound_caller_no"],
        limits=limits,
        billing=trunk.billing,
        deck_id=trunk.deck_id,
        longest=trunk.carrier.longest,
        hold=trunk.hold,
        pool_no=row["pool_no"],
        named=Named(row["campaign_id"], row["trunk_id"]),
    )
