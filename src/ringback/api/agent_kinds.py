"""The kinds of agent: what each can be told, and how that is kept."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from ringback.carriers.sip.agents.detection_settings import parse_detection, split_detection
from ringback.carriers.sip.agents.message_settings import parse_message
from ringback.carriers.sip.agents.websocket_settings import parse_websocket
from ringback.config import plain_websockets
from ringback.errors import Invalid
from ringback.sealing import MASK, Sealer

Json: TypeAlias = dict[str, Any]

MESSAGE, WEBSOCKET = "message", "websocket"


def message_settings(before: Mapping[str, Any], sent: Mapping[str, Any], _: Sealer) -> Json:
    """Those that were given: what is left out has its default when the message is played.

    A recording is put there by its own operation, and stays until there is a text.

    Raises:
        Invalid: one line for each that is wrong, or nothing is left to say.
    """
    audio = before.get("audio")
    if sent.get("audio") not in (None, audio):
        raise Invalid(["settings.audio is set by PUT /v1/agents/{id}/audio, which takes the recording"])
    given = {name: value for name, value in {**before, **sent}.items() if name != "audio" and value is not None}
    parse_message(given)
    if "text" in given:
        return {**given, "text": given["text"].strip()}
    if "text" in before:
        raise Invalid(["settings.text must be there: the agent has no recording to play instead"])
    return given if audio is None else {**given, "audio": audio}


def websocket_settings(before: Mapping[str, Any], sent: Mapping[str, Any], sealer: Sealer) -> Json:
    """The values of headers are secrets: they are sealed, and one that is sent back as it is shown stays.

    Raises:
        Invalid: one line for each that is wrong.
    """
    known = before.get("headers", {})
    parsed = parse_websocket({"url": before.get("url"), **sent}, plain=plain_websockets())
    if "headers" in sent:
        given = parsed["headers"]
        known = {n: known[n] if v == MASK and n in known else sealer.seal(v) for n, v in given.items()}
    return {"url": parsed["url"], **({"headers": known} if known else {})}


KINDS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], Sealer], Json]] = MappingProxyType(
    {MESSAGE: message_settings, WEBSOCKET: websocket_settings}
)
"""(settings as they are stored, what was sent, what seals secrets) -> settings to be stored, by kind."""


def settings_of(kind: str, before: Mapping[str, Any], sent: Mapping[str, Any], sealer: Sealer) -> Json:
    """The settings of an agent as they are to be stored: those of its kind, and those that every kind has.

    Raises:
        Invalid: one line for each that is wrong.
    """
    (shared_before, own_before), (shared_sent, own_sent) = split_detection(before), split_detection(sent)
    shared = {name: value for name, value in {**shared_before, **shared_sent}.items() if value is not None}
    own: Json = {}
    faults = _faults(lambda: own.update(KINDS[kind](own_before, own_sent, sealer)))
    faults += _faults(lambda: parse_detection(shared))
    if faults:
        raise Invalid(faults)
    return {**own, **shared}


def _faults(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except Invalid as wrong:
        return wrong.lines
    return []
