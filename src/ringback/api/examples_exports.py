"""Examples of exports."""

from ringback.api.examples import Json, listed

_AT, _LATER = "2026-03-01T10:00:00.000Z", "2026-03-08T10:00:00.000Z"
_ID = "exp_01h455vb4pex5vsknk084sn02q"
NEW_EXPORT: Json = {
    "id": _ID,
    "kind": "attempts",
    "format": "parquet",
    "filters": {"status": "completed"},
    "columns": ["id", "call_id", "to_number", "status", "called_at"],
    "status": "queued",
    "rows": 0,
    "rows_expected": None,
    "bytes": 0,
    "error": None,
    "server": None,
    "file_url": None,
    "created_at": _AT,
    "created_by": "key_01h455vb4pex5vsknk084sn02q",
    "finished_at": None,
    "expires_at": _LATER,
}
EXPORT: Json = {
    **NEW_EXPORT,
    "status": "done",
    "rows": 184_120,
    "rows_expected": 184_120,
    "bytes": 9_213_004,
    "server": "calls-1",
    "file_url": f"/v1/exports/{_ID}/file",
    "finished_at": "2026-03-01T10:00:04.120Z",
}
EXPORTS: Json = listed(EXPORT)
POST_EXPORT: Json = {
    "kind": "attempts",
    "format": "parquet",
    "columns": ["id", "call_id", "to_number", "status", "called_at"],
    "status": "completed",
    "keep_days": 7,
}
