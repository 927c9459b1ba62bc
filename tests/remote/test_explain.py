"""What `ringback explain` prints."""

from ringback.remote.explain import lines


def test_the_sentence_comes_first_and_then_what_does_not_bind():
    """What binds is in the sentence already."""
    shut = {"kind": "window", "binding": True, "in_words": "it is too early"}
    end = {"kind": "ends_at", "binding": False, "in_words": "it is not dialled any more at noon or later"}
    explained = {"call_id": "call_1", "status": "queued", "in_words": "it waits: it is too early"}
    assert list(lines({**explained, "constraints": [shut, end]})) == [
        "call_1 is queued: it waits: it is too early",
        "  also: it is not dialled any more at noon or later",
    ]
