from ipaddress import IPv4Address

import pytest

from ringback.carriers.sip.mapped import told

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
ASKED = bytes.fromhex("000100002112a442") + TRANSACTION
MAPPED = bytes.fromhex("002000080001a147e112a643")
"""The attribute of the IPv4 response of RFC 5769, section 2.2: 192.0.2.1, port 32853."""


def test_the_answer_is_that_of_the_rfc():
    """Address and port are told as in the test vectors of STUN."""
    answer = told(ASKED, IPv4Address("192.0.2.1"), 32_853)
    assert answer == bytes.fromhex("0101000c2112a442") + TRANSACTION + MAPPED


def test_attributes_of_a_request_are_passed_over():
    """The stack names its software in each."""
    software = bytes.fromhex("8022000454657374")
    asked = bytes.fromhex("000100082112a442") + TRANSACTION + software
    assert told(asked, IPv4Address("192.0.2.1"), 32_853) == told(ASKED, IPv4Address("192.0.2.1"), 32_853)


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        ASKED[:-1],
        ASKED + b"\0\0\0\0",
        b"\x01\x01" + ASKED[2:],
        ASKED[:4] + b"\0\0\0\0" + ASKED[8:],
        b"\x80\0" + bytes(18),
    ],
)
def test_what_is_no_binding_request_is_not_answered(asked):
    """Shorter, longer, a response, another protocol: nothing is sent back."""
    assert told(asked, IPv4Address("192.0.2.1"), 32_853) is None
