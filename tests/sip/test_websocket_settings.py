import pytest

from ringback.carriers.sip.agents.websocket_settings import parse_websocket
from ringback.errors import Invalid

GOOD = "wss://bot.example.com/calls"


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "wss://bot.example.com:8443/a/b?tenant=7",
        "wss://10.0.0.4/",
        "wss://[2001:db8::1]:9/",
        "ws://127.0.0.1:8765/calls",
        "ws://127.8.9.1",
        "ws://[::1]:8765",
        "ws://localhost/",
        "WSS://BOT.EXAMPLE.COM/",
    ],
)
def test_a_good_address_is_taken_as_it_is(url):
    """Encrypted to anywhere, in the clear to this machine."""
    assert parse_websocket({"url": url}) == {"url": url, "headers": {}}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (None, "must be the bot's address"),
        (7, "must be the bot's address"),
        ("", "must be the bot's address"),
        ("wss://bot.example.com/a b", "must be the bot's address"),
        ("wss://bot.example.com/\r\nX: y", "must be the bot's address"),
        ("wss://b\u00fccher.example/", "must be the bot's address"),
        ("wss://bot.example.com/" + 2000 * "x", "must be the bot's address"),
        ("https://bot.example.com/", "must begin with 'wss://' and a host"),
        ("wss:///calls", "must begin with 'wss://' and a host"),
        ("wss://bot.example.com:0/", "must begin with 'wss://' and a host"),
        ("wss://bot.example.com:99999/", "is no address"),
        ("wss://[::1/", "is no address"),
        ("wss://ann:secret@bot.example.com/", "must not have a user"),
        ("wss://bot.example.com/#top", "must not have a '#'"),
        ("ws://bot.example.com/", "must begin with 'wss://'"),
        ("ws://10.0.0.4/", "must begin with 'wss://'"),
        ("ws://localhost.example.com/", "must begin with 'wss://'"),
    ],
)
def test_a_bad_address_is_refused_with_what_to_do(url, why):
    """One line, with the field."""
    with pytest.raises(Invalid) as refused:
        parse_websocket({"url": url})
    assert len(refused.value.lines) == 1
    assert refused.value.lines[0].startswith("settings.url ")
    assert why in refused.value.lines[0]
    assert "secret" not in refused.value.lines[0]


def test_the_operator_may_allow_addresses_in_the_clear():
    """To any machine."""
    assert parse_websocket({"url": "ws://10.0.0.4/"}, plain=True)["url"] == "ws://10.0.0.4/"


def test_headers_are_kept():
    """Names in the form that was given."""
    headers = {"Authorization": "Bearer abc def", "x-tenant": "7"}
    assert parse_websocket({"url": GOOD, "headers": headers}) == {"url": GOOD, "headers": headers}
    assert parse_websocket({"url": GOOD, "headers": None})["headers"] == {}


@pytest.mark.parametrize(
    ("headers", "line"),
    [
        ([], "settings.headers must be an object"),
        ({f"x{n}": "y" for n in range(21)}, "settings.headers must be an object"),
        ({"bad name": "x"}, "settings.headers.bad name is no name of a header"),
        ({"": "x"}, "settings.headers. is no name of a header"),
        ({"Host": "x"}, "settings.headers.Host is set by the handshake itself"),
        ({"sec-websocket-key": "x"}, "settings.headers.sec-websocket-key is set by the handshake itself"),
        ({"X-A": "1", "x-a": "2"}, "settings.headers.x-a is there twice"),
        ({"X": 1}, "settings.headers.X must be text"),
        ({"X": ""}, "settings.headers.X must be text"),
        ({"X": "a\r\nY: b"}, "settings.headers.X must be text"),
        ({"X": "\u00fc"}, "settings.headers.X must be text"),
        ({"X": " a"}, "settings.headers.X must be text"),
        ({"X": 4001 * "a"}, "settings.headers.X must be text"),
    ],
)
def test_a_bad_header_is_refused(headers, line):
    """Nothing that a header could not carry, or that would break out of it, and no value is repeated."""
    with pytest.raises(Invalid) as refused:
        parse_websocket({"url": GOOD, "headers": headers})
    assert len(refused.value.lines) == 1
    assert refused.value.lines[0].startswith(line)


def test_all_faults_are_told_at_once():
    """Also what is not known, by the caller's name for it."""
    with pytest.raises(Invalid) as refused:
        parse_websocket({"uri": GOOD, "headers": {"Host": "x"}}, "agent")
    assert [line.split()[0] for line in refused.value.lines] == ["agent.uri", "agent.url", "agent.headers.Host"]
    with pytest.raises(Invalid, match="settings must be an object"):
        parse_websocket([])
