"""Retry policies as the API answers them: named ones, their versions, and which was in force where."""

from typing import Any

import msgspec

from ringback.api.show import Json, show_id, show_time
from ringback.domain.policy_form import kept_policy, show_policy
from ringback.domain.policy_words import policy_in_words
from ringback.ids import POLICY, show
from ringback.store.database import Record
from ringback.store.retry_policies import Pin


def show_named_policy(row: Record) -> Json:
    """A named policy with its newest version."""
    return {
        "id": show(POLICY, row["policy_id"]),
        "name": row["name"],
        "version": row["version"],
        **_said(row["retry"]),
        "created_at": show_time(row["created_at"]),
        "changed_at": show_time(row["changed_at"]),
    }


def show_policy_version(row: Record) -> Json:
    """One of its versions."""
    return {"version": row["version"], **_said(row["retry"]), "created_at": show_time(row["created_at"])}


def show_campaign_policy(row: Record) -> Json:
    """What was in force in a campaign, by its own counter."""
    pin = None if row["policy_id"] is None else Pin(row["policy_id"], row["pinned_version"])
    return {
        **show_pin(pin, row["policy_version"]),
        **_said(row["retry"]),
        "created_at": show_time(row["created_at"]),
    }


def show_pin(pin: Pin | None, campaign_version: int | None) -> Json:
    """Which policy is or was in force.

    Args:
        pin: the version of a named policy, None where it was given inline.
        campaign_version: the campaign's own counter, None for a call of no campaign.
    """
    return {
        "policy_id": show_id(POLICY, pin and pin.policy_id),
        "version": pin and pin.version,
        "campaign_version": campaign_version,
    }


def _said(stored: str) -> dict[str, Any]:
    policy = kept_policy(msgspec.json.decode(stored))
    return {"retry": show_policy(policy), "in_words": policy_in_words(policy)}
