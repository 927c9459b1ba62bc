"""What `ringback retries` prints below its table."""

from ringback.remote.retries import remarks


def history(*attempts):
    """So many attempts, each with a final response and its details."""
    return {"data": [{"attempt": n, "sip_code": code, "details": told} for n, (code, told) in enumerate(attempts, 1)]}


def test_what_was_told_is_printed_for_each_attempt_that_has_it():
    """The signalling first and in order, then what the agent noted; of the others there is nothing to say."""
    told = {
        "sip_call_id": "6f1d",
        "opted_out": True,
        "digits": "19",
        "hung_up_by": "user",
        "early_media": True,
        "q850": 34,
        "unknown_variables": ["day"],
        "agent_error": "no sound",
    }
    assert remarks(history((487, None), (503, told), (None, {"hung_up_by": "operator"}))) == [
        "attempt 2: SIP 503, Q.850 34, early media, ended by user, keys 19, opted out, Call-ID 6f1d, "
        "agent_error: no sound, unknown_variables: ['day']",
        "attempt 3: ended by operator",
    ]


def test_a_far_ends_words_do_not_reach_the_terminal_as_they_are():
    """What a terminal would obey is written out."""
    (line,) = remarks(history((480, {"sip_call_id": "a\x1b[2Jb", "\x07": "\n"})))
    assert line == r"attempt 1: SIP 480, Call-ID 'a\x1b[2Jb', '\x07': '\n'"


def test_a_server_of_the_release_before_tells_no_details():
    """Its attempts have no such field."""
    assert remarks({"data": [{"attempt": 1, "sip_code": 487}]}) == []
