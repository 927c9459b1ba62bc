"""What a message comes to that cannot be sent at all."""

import pytest
from tests.world import NOON

from ringback.checking.post import Fault, Message, Poster


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://127.0.0.1:1/", "whsec_a"),
        ("https://[::1/", "whsec_c2VjcmV0"),
        ("https://example.test:99999999/", "whsec_c2VjcmV0"),
    ],
)
async def test_whatever_is_wrong_with_a_message_is_told_and_not_raised(url, secret):
    """A node goes on: if it ended by one webhook, so would the node that takes it over."""
    poster = Poster((), 1)
    posted = await poster.post(Message(url, 5.0, 5.0, (secret,), "evt_1", NOON, b"{}", 100))
    await poster.close()
    assert (posted.status, posted.body) == (None, None)
    assert posted.fault in {Fault.UNREACHABLE, Fault.FORBIDDEN_ADDRESS}
