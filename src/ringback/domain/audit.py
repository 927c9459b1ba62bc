"""What of a change is kept in the audit trail: the fields that differ, without what is secret or tells of a person."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

Shown: TypeAlias = Mapping[str, Any]

HIDDEN = "***"
LONGEST = 2_000
"""Characters of JSON of one field; of what is longer only that is kept."""

NEVER = frozenset({"secret", "password", "headers", "variables", "transcript", "analysis"})
"""Fields that are hidden wherever they stand."""

_SEALED = {"sealed"}
_NUMBER = re.compile(r"\+\d{7,15}")


def difference(before: Shown | None, after: Shown | None) -> tuple[Shown | None, Shown | None]:
    """What a change replaced and by what, fit to be kept; of what was made or is gone, all fields that had a value.

    Args:
        before: what there was, as JSON has it; None where there was nothing.
        after: what there is now; None where it is gone.
    """
    if before is None or after is None:
        return _fit(before), _fit(after)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: _kept(name, before.get(name)) for name in names}, {
        name: _kept(name, after.get(name)) for name in names
    }


def _fit(shown: Shown | None) -> Shown | None:
    if shown is None:
        return None
    return {name: _kept(name, value) for name, value in shown.items() if value is not None}


def _kept(name: str, value: Any) -> Any:
    kept = _hide(name, value)
    size = len(json.dumps(kept, ensure_ascii=False))
    return kept if size <= LONGEST else f"({size} characters)"


def _hide(name: str, value: Any) -> Any:
    """The value without secrets and phone numbers. What is sealed is hidden after it was compared."""
    if value is not None and (name in NEVER or (isinstance(value, Mapping) and value.keys() == _SEALED)):
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: _hide(key, part) for key, part in value.items()}
    if isinstance(value, list):
        return [_hide(name, part) for part in value]
    return _NUMBER.sub(HIDDEN, value).replace("\0", "") if isinstance(value, str) else value
