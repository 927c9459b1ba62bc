"""When spans are made, by OpenTelemetry's own variables, and what is said where they cannot be."""

import sys

import pytest

from ringback.clock import SystemClock
from ringback.errors import OurError
from ringback.telemetry.subscriber import subscribed, traces_wanted

SOMEWHERE = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "calls"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": SOMEWHERE}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": SOMEWHERE}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": SOMEWHERE}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": SOMEWHERE}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_traces_are_made_where_they_are_asked_for(variables, wanted):
    """An endpoint or the exporter asks for them; the standard's switches refuse them."""
    assert traces_wanted(variables) is wanted


@pytest.mark.parametrize(
    ("variables", "remedy"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "set it to otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "to http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": SOMEWHERE, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, "http/protobuf"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_remedy(variables, remedy):
    """A server that is asked for another protocol says so, instead of sending nowhere."""
    with pytest.raises(OurError, match=remedy):
        traces_wanted(variables)


def test_packages_that_are_missing_are_named(monkeypatch, tmp_path):
    """Who asks for traces without the extra is told what to install."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", SOMEWHERE)
    monkeypatch.delitem(sys.modules, "ringback.telemetry.traces", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with (
        pytest.raises(OurError, match=r"pip install 'ringback\[otel\]'"),
        subscribed(tmp_path, "n", "node", SystemClock()),
    ):
        pytest.fail("it went on without")
