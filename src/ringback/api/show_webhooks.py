"""Webhooks and what waits for them, as the API answers them."""

from ringback.api.show import Json, show_time
from ringback.ids import CALL, CAMPAIGN, EVENT, TRUNK, WEBHOOK, show
from ringback.sealing import MASK
from ringback.store.database import Record

_SUBJECTS = {"attempt": CALL, "call": CALL, "lead": CALL, "campaign": CAMPAIGN, "trunk": TRUNK, "ping": WEBHOOK}


def show_webhook(row: Record, secret: str | None = None) -> Json:
    """A webhook; its secret is shown when it is made, and never again."""
    return {
        "id": show(WEBHOOK, row["webhook_id"]),
        "name": row["name"],
        "url": row["url"],
        "events": row["events"],
        "enabled": row["off_at"] is None,
        "off_reason": row["off_reason"],
        "off_at": show_time(row["off_at"]),
        "failing_since": show_time(row["failing_since"]),
        "last_failure": row["last_failure"],
        "secret": secret or MASK,
        "old_secret_until": show_time(row["before_until"]),
        "created_at": show_time(row["created_at"]),
    }


def show_delivery(row: Record) -> Json:
    """An event that was not taken yet."""
    is_dead = row["dead_at"] is not None
    return {
        "id": show(EVENT, row["event_id"]),
        "type": row["event"],
        "subject": show(_SUBJECTS[row["event"].partition(".")[0]], row["subject_id"]),
        "attempt": row["attempt"] or None,
        "happened_at": show_time(row["happened_at"]),
        "tries": row["tries"],
        "last_failure": row["last_failure"],
        "next_try_at": None if is_dead else show_time(row["due_at"]),
        "dead_at": show_time(row["dead_at"]),
    }
