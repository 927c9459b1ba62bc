"""Pricing: what answered attempts cost by the rate decks of their trunks."""

from collections.abc import Sequence

from ringback.domain.billing import charge
from ringback.domain.outcome import Status
from ringback.engine.live import LiveAttempt
from ringback.store.attempts import Result
from ringback.store.database import Connection
from ringback.store.rates import Dialled, rates_of


async def priced(db: Connection, over: Sequence[tuple[LiveAttempt, Result]]) -> list[Result]:
    """The results, those of answered attempts over trunks with a deck at its rates: of the time of the dial.

    What the deck has no rate for costs what the trunk's own tariff says.
    """
    results = [result for _, result in over]
    wanted = {n: dialled for n, pair in enumerate(over) if (dialled := _dialled(*pair)) is not None}
    if not wanted:
        return results
    places, rates = list(wanted), await rates_of(db, list(wanted.values()))
    for n, billing in rates.items():
        result = results[places[n]]
        bill = charge(billing, result.duration_sec, answered=True)
        results[places[n]] = result._replace(
            billed_sec=bill.billed_sec, cost_micros=bill.cost_micros, currency=billing.currency
        )
    return results


def _dialled(attempt: LiveAttempt, result: Result) -> Dialled | None:
    """What a deck has to know of an attempt; None where it has no deck, or nothing to pay."""
    deck_id = attempt.route.deck_id
    if deck_id is None or result.status != Status.COMPLETED:
        return None
    return Dialled(attempt.key[0], deck_id, attempt.dial.to_number, attempt.called_at or attempt.place_at)
