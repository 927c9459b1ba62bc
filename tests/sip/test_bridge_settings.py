import pytest

from ringback.carriers.sip.agents.bridge_settings import parse_bridge, server_of
from ringback.errors import Invalid

GOOD = "sip:bot@pbx.example.com"
PLAIN = f"{GOOD};transport=udp"


@pytest.mark.parametrize(
    ("uri", "taken"),
    [
        (GOOD, PLAIN),
        ("sip:200@192.0.2.10:5070", "sip:200@192.0.2.10:5070;transport=udp"),
        ("sip:+14155552671@[2001:db8::1]:5070;transport=tcp", "sip:+14155552671@[2001:db8::1]:5070;transport=tcp"),
        ("sip:a.b-c@pbx.example.com;transport=tls", "sip:a.b-c@pbx.example.com;transport=tls"),
    ],
)
def test_a_good_address_is_taken_with_its_transport(uri, taken):
    """UDP where it names none."""
    assert parse_bridge({"uri": uri})["uri"] == taken


@pytest.mark.parametrize(
    "uri",
    [
        None,
        7,
        "",
        "bot@pbx.example.com",
        "sips:bot@pbx.example.com",
        "sip:pbx.example.com",
        "sip:bot:secret@pbx.example.com",
        "sip:bot@pbx.example.com?X-A=b",
        "sip:bot@pbx.example.com;lr",
        "sip:bot@pbx.example.com;transport=sctp",
        "sip:bot@pbx.example.com:0",
        "sip:bot@pbx.example.com:65536",
        "sip:bot@-x.example.com",
        "sip:bot@1.2.3",
        "sip:bot@[::g]",
        "sip:bot@pbx.example.com\r\nX: y",
        "sip:b ot@pbx.example.com",
        "sip:b\u00f6t@pbx.example.com",
        "sip:bot@" + "x" * 400,
    ],
)
def test_a_bad_address_is_refused_with_an_example(uri):
    """One line, with the field."""
    with pytest.raises(Invalid) as refused:
        parse_bridge({"uri": uri})
    [line] = refused.value.lines
    assert line.startswith("settings.uri must be the address to call, such as 'sip:bot@pbx.example.com'")
    assert "secret" not in line


def test_what_is_left_out_or_null_has_its_default():
    """A ring-back tone, for 20 seconds."""
    defaults = {"uri": PLAIN, "ring_timeout_sec": 20, "while_ringing": "ring_back", "headers": {}}
    assert parse_bridge({"uri": GOOD}) == defaults
    assert parse_bridge({"uri": GOOD, "ring_timeout_sec": None, "while_ringing": None, "headers": None}) == defaults
    given = {"uri": PLAIN, "ring_timeout_sec": 120, "while_ringing": "silence", "headers": {"X-Queue": "sales 1"}}
    assert parse_bridge(given) == given


@pytest.mark.parametrize(
    ("headers", "line"),
    [
        ([], "settings.headers must be an object of at most 20 headers, such as {'X-Queue': 'sales'}"),
        ({f"X-{n}": "v" for n in range(21)}, "settings.headers must be an object of at most 20 headers, such as "),
        ({f"X-{n}": "v" * 900 for n in range(5)}, "settings.headers must have at most 4000 characters in all"),
        ({"Route": "<sip:x>"}, "settings.headers.Route must begin with 'X-', or be one of alert-info, "),
        ({"Authorization": "x"}, "settings.headers.Authorization must begin with 'X-', or be one of alert-info, "),
        ({"x-a:b": "x"}, "settings.headers.x-a:b must begin with 'X-', or be one of alert-info, "),
        ({"x-ringback-call": "x"}, "settings.headers.x-ringback-call is one of Ringback's own"),
        ({"X-A": "a\r\nVia: b"}, "settings.headers.X-A must be text of 1 to 1000 ASCII characters"),
        ({"X-A": ""}, "settings.headers.X-A must be text of 1 to 1000 ASCII characters"),
        ({"X-A": 7}, "settings.headers.X-A must be text of 1 to 1000 ASCII characters"),
    ],
)
def test_a_bad_header_is_refused_with_its_name(headers, line):
    """None of those that the stack makes can be given, nor one that is not of one line."""
    with pytest.raises(Invalid) as refused:
        parse_bridge({"uri": GOOD, "headers": headers})
    [told] = refused.value.lines
    assert told.startswith(line)


def test_a_header_is_there_once():
    """Their names are the same in capitals."""
    with pytest.raises(Invalid) as refused:
        parse_bridge({"uri": GOOD, "headers": {"X-A": "1", "x-a": "2", "User-to-User": "56a390;encoding=hex"}})
    assert refused.value.lines == ["settings.headers.X-A is there twice", "settings.headers.x-a is there twice"]


def test_all_that_is_wrong_is_told_at_once():
    """A line for each."""
    with pytest.raises(Invalid) as refused:
        parse_bridge({"url": GOOD, "ring_timeout_sec": True, "while_ringing": "music"}, "agent")
    assert refused.value.lines[0] == ("agent.url is not known; known are uri, ring_timeout_sec, while_ringing, headers")
    assert [line.split()[0] for line in refused.value.lines[1:]] == [
        "agent.uri",
        "agent.ring_timeout_sec",
        "agent.while_ringing",
    ]
    for seconds in (0, 121, 1.5, "20"):
        with pytest.raises(Invalid):
            parse_bridge({"uri": GOOD, "ring_timeout_sec": seconds})
    with pytest.raises(Invalid, match="must be an object"):
        parse_bridge([])


def test_the_server_is_told_from_the_user():
    """Secrets stay with a server, whoever is asked for there."""
    assert server_of(PLAIN) == server_of("sip:other@PBX.example.com;transport=udp")
    assert server_of(PLAIN) != server_of("sip:bot@pbx.example.com:5070;transport=udp")
    assert server_of(PLAIN) != server_of("sip:bot@pbx.example.com;transport=tcp")
