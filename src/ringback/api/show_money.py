"""Budgets and rate decks as the API answers them."""

from collections.abc import Iterable

from ringback.api.show import Json, show_time
from ringback.ids import DECK, TRUNK, show
from ringback.store.budgets import Budget
from ringback.store.database import Record


def show_budget(budget: Budget | None) -> Json:
    """The fields of a budget; null where there is none."""
    if budget is None or budget.amount_micros is None:
        return {"budget_micros": None, "spent_micros": None}
    return {"budget_micros": budget.amount_micros, "spent_micros": budget.spent_micros}


def show_deck(row: Record, versions: Iterable[Record], trunks: Iterable[Record]) -> Json:
    """A rate deck, with those of these versions and trunks that are its own."""
    return {
        "id": show(DECK, row["deck_id"]),
        "name": row["name"],
        "currency": row["currency"],
        "created_at": show_time(row["created_at"]),
        "trunks": [show(TRUNK, trunk["trunk_id"]) for trunk in trunks if trunk["deck_id"] == row["deck_id"]],
        "versions": [
            {
                "version": version["version"],
                "valid_from": show_time(version["valid_from"]),
                "rates": version["rates"],
                "created_at": show_time(version["created_at"]),
            }
            for version in versions
            if version["deck_id"] == row["deck_id"]
        ],
    }


def show_rate(row: Record) -> Json:
    """A rate."""
    return dict(row)
