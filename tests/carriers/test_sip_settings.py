import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.carriers.sip.settings import SipSettings, parse_settings
from ringback.errors import Invalid

HOST = "sip.example.com"
WHOLE = {
    "host": HOST,
    "port": 5061,
    "transport": "tls",
    "username": "alice",
    "password": "s3cret; with space",
    "register": True,
    "outbound_proxy": "sip:[2001:db8::1]:5070;transport=tcp",
    "from_domain": "pbx.example.com",
    "from_number": "+14155550100",
    "asserted_identity": True,
    "ring_timeout_sec": 45,
    "max_call_sec": 120,
    "codecs": ["g722", "pcma"],
    "media_port_low": 20_000,
    "media_port_high": 20_999,
    "net_interface": "eth0",
    "media_address": "203.0.113.7",
    "follow_redirects": True,
    "srtp": False,
    "max_calls_per_worker": 100,
    "dials_per_sec_per_worker": 20,
    "most_workers": 2,
    "options_sec": 0,
    "verify": False,
    "ca_file": "/etc/ringback/ca.pem",
}


def test_settings_that_are_left_out_have_their_defaults():
    """A host is all that a trunk needs."""
    assert parse_settings({"host": HOST}) == SipSettings(HOST)


def test_every_setting_may_be_given():
    """And each is as it was given, in what is sent to a worker too."""
    assert set(WHOLE) == set(SipSettings.__dataclass_fields__)
    parsed = parse_settings(WHOLE)
    assert parsed.as_json() == WHOLE
    assert parse_settings(parsed.as_json()) == parsed


def test_a_host_is_missed():
    """Nobody can be dialled without one."""
    with pytest.raises(Invalid, match=r"^settings\.host is missing"):
        parse_settings({})


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("sip.example.com", "sip.example.com"),
        ("localhost", "localhost"),
        ("pbx-1", "pbx-1"),
        ("3com.example", "3com.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_a_host_is_a_name_or_an_address(given, host):
    """An address of version 6 is kept without the brackets that a URI puts round it."""
    assert parse_settings({"host": given}).host == host


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("host", None),
        ("host", ""),
        ("host", "sip:pbx.example.com"),
        ("host", "pbx.example.com:5060"),
        ("host", "a b"),
        ("host", "pbx>\r\nX-Evil: 1"),
        ("host", "pbx;transport=tcp"),
        ("host", "-pbx"),
        ("host", "a" * 254),
        ("host", "999.1.1.1"),
        ("host", "fe80::1%eth0"),
        ("host", "[::1"),
        ("port", 0),
        ("port", 65_536),
        ("port", "5060"),
        ("port", True),
        ("transport", "sctp"),
        ("transport", None),
        ("username", "al ice"),
        ("username", "alice@example.com"),
        ("username", ""),
        ("password", 'a"b'),
        ("password", "a\\b"),
        ("password", "a\nb"),
        ("password", ""),
        ("password", {"sealed": "gAAAA"}),
        ("register", 1),
        ("outbound_proxy", "sbc.example.com:99999"),
        ("outbound_proxy", 'sbc"example'),
        ("outbound_proxy", "sbc.example.com;lr;evil"),
        ("outbound_proxy", 7),
        ("from_domain", "x>y"),
        ("from_number", "0 41"),
        ("from_number", "+1415555\r\n0100"),
        ("from_number", "+0123456789"),
        ("from_number", 14155550100),
        ("asserted_identity", "yes"),
        ("ring_timeout_sec", 0),
        ("ring_timeout_sec", 301),
        ("ring_timeout_sec", 1.5),
        ("max_call_sec", 10_801),
        ("codecs", []),
        ("codecs", "pcmu"),
        ("codecs", ["pcmu", "g729"]),
        ("codecs", ["pcmu", "pcmu"]),
        ("codecs", [["pcmu"]]),
        ("media_port_low", 80),
        ("media_port_high", 70_000),
        ("net_interface", "eth0 eth1"),
        ("media_address", "eth0"),
        ("media_address", "0.0.0.0"),  # noqa: S104  # nothing is bound to it
        ("media_address", "239.1.2.3"),
        ("media_address", "2001:db8::1"),
        ("media_address", 3405803783),
        ("follow_redirects", None),
        ("srtp", "yes"),
        ("srtp", None),
        ("max_calls_per_worker", 401),
        ("dials_per_sec_per_worker", 101),
        ("most_workers", 0),
        ("options_sec", 4),
        ("options_sec", False),
        ("options_sec", 3601),
        ("verify", "no"),
        ("ca_file", "ca.pem"),
        ("ca_file", "/etc/my ca.pem"),
        ("colour", "red"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(entry, value):
    """One line, which says which and what would be right."""
    with pytest.raises(Invalid) as refused:
        parse_settings({"host": HOST, "username": "alice", "transport": "tls", entry: value})
    assert len(refused.value.lines) == 1
    assert refused.value.lines[0].startswith(f"settings.{entry} ")


def test_a_password_is_in_no_message():
    """A wrong one is not told back, and settings do not print it."""
    with pytest.raises(Invalid) as refused:
        parse_settings({"host": HOST, "username": "alice", "password": 'hunter2"'})
    assert "hunter2" not in str(refused.value)
    assert "s3cret" not in repr(parse_settings(WHOLE))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"password": "x"}, "settings.username is missing"),
        ({"register": True}, "settings.username is missing"),
        ({"media_port_low": 20_001, "media_port_high": 20_001}, "settings.media_port_high must be above"),
        ({"ca_file": "/etc/ca.pem"}, "settings.ca_file must be left out"),
        ({"media_address": "203.0.113.7", "host": "2001:db8::1"}, "settings.media_address must be left out"),
        ({"media_address": "203.0.113.7", "net_interface": "2001:db8::1"}, "settings.media_address must be left out"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, line):
    """Each may be right alone."""
    with pytest.raises(Invalid) as refused:
        parse_settings({"host": HOST, **given})
    assert [fault.startswith(line) for fault in refused.value.lines] == [True]


def test_all_wrong_settings_are_told_at_once():
    """One line for each."""
    with pytest.raises(Invalid) as refused:
        parse_settings({"port": -1, "codecs": [], "srtp": 1, "colour": 1}, field="sip")
    assert sorted(line.split(" ")[0] for line in refused.value.lines) == [
        "sip.codecs",
        "sip.colour",
        "sip.host",
        "sip.port",
        "sip.srtp",
    ]


@pytest.mark.parametrize("raw", [None, [], "sip.example.com"])
def test_settings_that_are_no_object_are_refused(raw):
    """With an example of one."""
    with pytest.raises(Invalid, match="must be an object"):
        parse_settings(raw)


TEXTS = [name for name in WHOLE if isinstance(WHOLE[name], str) and name not in ("transport", "password")]


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.sampled_from(TEXTS), st.text(st.characters(max_codepoint=0x17F), min_size=1, max_size=40))
def test_no_text_breaks_a_message_or_the_stacks_configuration(entry, text):
    """Whatever is taken has none of the characters that end a header, a URI or a line."""
    try:
        parsed = getattr(parse_settings({**WHOLE, entry: text}), entry)
    except Invalid:
        return
    allowed = ";" if entry == "outbound_proxy" else ""
    assert parsed.isascii()
    assert not set(parsed) & (set(' \t\r\n\0<>"\\@?;') - set(allowed))
