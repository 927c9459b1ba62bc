"""What a process of a server tells its events to: the log, the figures, and the traces where they are wanted."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from ringback.clock import Clock
from ringback.errors import OurError
from ringback.event_log import LogAndCount
from ringback.events import Publish
from ringback.telemetry.metrics import FOLDER, Metrics, share

if TYPE_CHECKING:
    from ringback.telemetry.traces import Traces

_WHERE = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_HOW = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_EXPORTERS = "OTEL_TRACES_EXPORTER"


@contextmanager
def subscribed(data: Path, node_name: str, role: str, clock: Clock) -> Iterator[Publish]:
    """The subscriber of this process; its last spans are sent at the end of the block.

    Args:
        data: of the server.
        node_name: likewise.
        role: what this process is; no other process of the server has it.
        clock: the machine's.

    Raises:
        OurError: traces are wanted and not to be had.
    """
    traced = _traces(os.environ, clock, node_name, role)
    share(data / FOLDER, role)
    told: list[Publish] = [Metrics(CollectorRegistry())]
    try:
        yield LogAndCount(*told, *([traced] if traced else []))
    finally:
        if traced:
            traced.close()


def traces_wanted(variables: Mapping[str, str]) -> bool:
    """Whether spans are to be sent: an endpoint is named, or the exporter, and neither says no.

    Raises:
        OurError: what is asked for is not to be had.
    """
    exporter = variables.get(_EXPORTERS, "").strip()
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none":
        return False
    if not exporter and not any(variables.get(name) for name in _WHERE):
        return False
    if exporter not in ("", "otlp"):
        raise OurError(f"{_EXPORTERS} is {exporter}: set it to otlp, or to none for no traces")
    protocol = next((variables[name] for name in _HOW if variables.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        raise OurError(f"traces are sent by http/protobuf, not by {protocol}: set {_HOW[1]} to http/protobuf")
    return True


def _traces(variables: Mapping[str, str], clock: Clock, node_name: str, role: str) -> "Traces | None":
    """The subscriber that traces, None where that is not wanted."""
    if not traces_wanted(variables):
        return None
    try:
        from ringback.telemetry.traces import Traces
    except ImportError as missing:
        raise OurError(
            "OpenTelemetry's variables ask for traces, and its packages are not installed: "
            "run `pip install 'ringback[otel]'`, or set OTEL_TRACES_EXPORTER=none"
        ) from missing
    return Traces(clock, node_name, role)
