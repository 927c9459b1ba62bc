"""The kinds of agent: what each can be told, and how that is kept."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ringback.carriers.sip.agents.bridge_settings import parse_bridge, server_of
from ringback.carriers.sip.agents.detection_settings import parse_detection, split_detection
from ringback.carriers.sip.agents.message_settings import parse_message
from ringback.carriers.sip.agents.recording_settings import parse_recorded, split_recorded
from ringback.carriers.sip.agents.websocket_settings import parse_websocket
from ringback.config import plain_websockets
from ringback.errors import Invalid
from ringback.sealing import MASK, Sealer

Json: TypeAlias = dict[str, Any]

MESSAGE, WEBSOCKET, SIP = "message", "websocket", "sip"


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

    They stay for the server that they were given for: whoever names another one gives them anew, so that nobody who may
    change an agent has them sent to a server of his own.

    Raises:
        Invalid: one line for each that is wrong.
    """
    parsed = parse_websocket({"url": before.get("url"), **sent}, plain=plain_websockets())
    moved = "url" in before and _server(before["url"]) != _server(parsed["url"])
    return {"url": parsed["url"], **_sealed_headers(before, sent, parsed["headers"], sealer, "url" if moved else None)}


def bridge_settings(before: Mapping[str, Any], sent: Mapping[str, Any], sealer: Sealer) -> Json:
    """Those that were given, and of headers as for a websocket agent.

    Raises:
        Invalid: one line for each that is wrong.
    """
    given = {**before, "headers": None, **sent}
    parsed = parse_bridge(given)
    moved = "uri" in before and server_of(before["uri"]) != server_of(parsed["uri"])
    headers = _sealed_headers(before, sent, parsed.pop("headers"), sealer, "uri" if moved else None)
    return {name: value for name, value in parsed.items() if given.get(name) is not None} | headers


def _sealed_headers(
    before: Mapping[str, Any], sent: Mapping[str, Any], given: Mapping[str, str], sealer: Sealer, moved: str | None
) -> Json:
    """The headers as they are stored, nothing where there are none; `moved` is the setting that names another server.

    Raises:
        Invalid: those of the server before are not for the new one.
    """
    known = before.get("headers", {})
    if moved and known and ("headers" not in sent or MASK in given.values()):
        raise Invalid(
            [f"settings.headers must be given anew, in the clear or as null: settings.{moved} is another server"]
        )
    if "headers" in sent:
        known = {n: known[n] if v == MASK and n in known else sealer.seal(v) for n, v in given.items()}
    return {"headers": known} if known else {}


def _server(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


KINDS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], Sealer], Json]] = MappingProxyType(
    {MESSAGE: message_settings, WEBSOCKET: websocket_settings, SIP: bridge_settings}
)
"""(settings as they are stored, what was sent, what seals secrets) -> settings to be stored, by kind."""


def settings_of(kind: str, before: Mapping[str, Any], sent: Mapping[str, Any], sealer: Sealer) -> Json:
    """The settings of an agent as they are to be stored: those of its kind, and those that every kind has.

    Raises:
        Invalid: one line for each that is wrong.
    """
    (shared_before, own_before), (shared_sent, own_sent) = _split(before), _split(sent)
    shared = {name: value for name, value in {**shared_before, **shared_sent}.items() if value is not None}
    own: Json = {}
    faults = _faults(lambda: own.update(KINDS[kind](own_before, own_sent, sealer)))
    faults += _faults(lambda: parse_detection(shared))
    faults += _faults(lambda: parse_recorded(shared))
    if faults:
        raise Invalid(faults)
    return {**own, **shared}


def _split(settings: Mapping[str, Any]) -> tuple[Json, Json]:
    """Those that every kind has, and its own."""
    detection, others = split_detection(settings)
    recorded, own = split_recorded(others)
    return {**detection, **recorded}, own


def _faults(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except Invalid as wrong:
        return wrong.lines
    return []
