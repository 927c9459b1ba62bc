"""Events to OpenTelemetry spans, where its variables are set. Without them nothing of it is loaded."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from threading import Thread
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from whenever import Instant

from ringback import __version__, events
from ringback.clock import Clock, seconds
from ringback.ids import ATTEMPT, CALL, show

FLUSH_SEC = 3.0
"""How long a process that ends waits for its last spans to be taken: less than its supervisor waits for it."""

SERVICE = "ringback"
ATTEMPT_SPAN = "attempt"


class Traces:
    """The subscriber that makes spans: of a request, of a claim, of a settlement, and of each attempt once it is over.

    Args:
        clock: tells when a batch was done.
        node_name: the server's, so that spans tell which one made them.
        role: what this process is.
    """

    def __init__(self, clock: Clock, node_name: str, role: str) -> None:
        self._clock = clock
        self._ids = _Chosen()
        self._provider = TracerProvider(
            resource=_resource(f"{node_name}/{role}"), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(SERVICE, __version__)
        self._made: dict[type, Callable[[Any], None]] = {
            events.Claimed: self._claimed,
            events.Settled: self._settled,
            events.AttemptsEnded: self._ended,
            events.Replied: self._replied,
        }

    def __call__(self, event: events.Event) -> None:
        """Make the spans of an event, if it has any."""
        make = self._made.get(type(event))
        if make is not None:
            make(event)

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        sending = Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(FLUSH_SEC)

    def _claimed(self, event: events.Claimed) -> None:
        told = {"dials": event.dials, "postponed": event.postponed, "expired": event.expired}
        self._batch("claim", event.claim_sec, told)

    def _settled(self, event: events.Settled) -> None:
        self._batch("settle", event.settle_sec, {"attempts": event.attempts, "passed_over": event.passed_over})

    def _batch(self, name: str, sec: float, told: Mapping[str, int]) -> None:
        """A span of what has just been done."""
        now = self._clock.now()
        attributes = {f"ringback.{key}": value for key, value in told.items()}
        span = self._tracer.start_span(name, attributes=attributes, start_time=_nanos(now - seconds(sec)))
        span.end(_nanos(now))

    def _ended(self, event: events.AttemptsEnded) -> None:
        for trail in event.trails():
            self._attempt(trail)

    def _attempt(self, trail: events.AttemptTrail) -> None:
        trace_id = _trace_id(trail.call_id)
        # asked before the ids are spelled out: of thousands a second, a few are kept
        if self._provider.sampler.should_sample(None, trace_id, ATTEMPT_SPAN).decision is Decision.DROP:
            return
        attributes: dict[str, str | int] = {
            "ringback.call_id": show(CALL, trail.call_id),
            "ringback.attempt_id": show(ATTEMPT, trail.attempt_id),
            "ringback.attempt": trail.attempt,
            "ringback.end_reason": trail.end_reason,
        }
        with self._ids.next_trace(trace_id):
            span = self._tracer.start_span(ATTEMPT_SPAN, attributes=attributes, start_time=_nanos(trail.intent_at))
        for name, at in (("called", trail.called_at), ("ringing", trail.rang_at), ("answered", trail.answered_at)):
            if at is not None:
                span.add_event(name, timestamp=_nanos(at))
        span.end(_nanos(trail.ended_at))

    def _replied(self, event: events.Replied) -> None:
        now = self._clock.now()
        carried = {} if event.traceparent is None else {"traceparent": event.traceparent}
        span = self._tracer.start_span(
            f"{event.method} {event.route}",
            TraceContextTextMapPropagator().extract(carried),
            trace.SpanKind.SERVER,
            {
                "http.request.method": event.method,
                "http.route": event.route,
                "http.response.status_code": event.status,
                "ringback.request_id": event.request_id,
            },
            start_time=_nanos(now - seconds(event.reply_sec or 0.0)),
        )
        if event.status >= 500:
            span.set_status(trace.StatusCode.ERROR)
        span.end(_nanos(now))


class _Chosen(RandomIdGenerator):
    """Trace ids by chance, but within `next_trace` the one that was given."""

    def __init__(self) -> None:
        self._next: int | None = None

    @contextmanager
    def next_trace(self, trace_id: int) -> Iterator[None]:
        """Within the block, what begins is of this trace."""
        self._next = trace_id
        yield
        self._next = None

    def generate_trace_id(self) -> int:
        """As the interface has it."""
        return super().generate_trace_id() if self._next is None else self._next


def _trace_id(call_id: UUID) -> int:
    """The trace of all attempts of a call.

    The id is hashed: samplers take the lower half of a trace id for chance, and in a UUIDv7 two bits of it are not.
    """
    return int.from_bytes(blake2b(call_id.bytes, digest_size=16).digest())


def _resource(instance: str) -> Resource:
    """Who makes the spans; what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before what we say."""
    ours = {"service.name": SERVICE, "service.version": __version__, "service.instance.id": instance}
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})


def _nanos(at: Instant) -> int:
    return at.timestamp(unit="nanosecond")
