"""What `ringback explain` and `ringback campaign blockers` print."""

from ringback.remote.explain import counted, lines


def test_the_sentence_comes_first_and_then_what_does_not_bind():
    """What binds is in the sentence already."""
    shut = {"kind": "window", "binding": True, "in_words": "it is too early"}
    end = {"kind": "ends_at", "binding": False, "in_words": "it is not dialled any more at noon or later"}
    explained = {"call_id": "call_1", "status": "queued", "in_words": "it waits: it is too early"}
    assert list(lines({**explained, "constraints": [shut, end]})) == [
        "call_1 is queued: it waits: it is too early",
        "  also: it is not dialled any more at noon or later",
    ]


def test_blockers_are_a_line_each():
    """Below how many wait at all."""
    one = {"in_words": "2 leads wait for a slot (trunk); nobody can say until when"}
    found = {"campaign_id": "cmp_1", "status": "running", "waiting": 3, "ready": 1, "blockers": [one]}
    assert list(counted(found)) == [
        "campaign cmp_1 is running: 3 leads in the queue, 1 of them due and held up by nothing",
        "  2 leads wait for a slot (trunk); nobody can say until when",
    ]
