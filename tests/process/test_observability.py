"""What a server tells of itself: figures, spans and its log, of campaigns that it runs in processes of its own."""

import re
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from tests.process.campaigns import NOBODY, dsn_of, is_complete, make_campaign, make_trunk, rows
from tests.process.serving import Server, eventually, kill, serving, starting

from ringback import ids

LEADS = range(40)
RETRY = {"max_attempts": 2, "after": {"no-answer": ["1s"], "busy": ["1s"]}}
CALLER = "0af7651916cd43dd8448eb211c80319c"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
ATTEMPTS = "SELECT call_id, attempt_id, attempt, end_reason, called_at IS NOT NULL AS called FROM attempts"


class Collector:
    """A receiver of OTLP over HTTP, which keeps the spans that it was sent."""

    def __init__(self) -> None:
        self.spans: list = []
        self.services: set[str] = set()
        collector = self

        class Receiver(BaseHTTPRequestHandler):
            """Takes one batch a request."""

            def do_POST(self) -> None:
                """Keep the spans and say so."""
                sent = self.rfile.read(int(self.headers["content-length"]))
                collector.take(self.path, ExportTraceServiceRequest.FromString(sent))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator["Collector"]:
        """Receive for as long as the block lasts."""
        thread = threading.Thread(target=self._http.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            thread.join()
            self._http.server_close()

    def take(self, path: str, batch: ExportTraceServiceRequest) -> None:
        """Keep what came."""
        assert path == "/v1/traces"
        for resource in batch.resource_spans:
            self.services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def named(self, name: str) -> list:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]


def attributes(span) -> dict[str, object]:
    """Of a span or an event, as plain values."""
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """A collector of spans for the tests of this module."""
    with Collector().running() as running:
        yield running


@pytest.fixture
def server(home, collector) -> Iterator[Server]:
    """A server that sends its spans to the collector."""
    tracing = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_SERVICE_NAME": "calls",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with serving(home.data, key=home.live_key, **tracing) as running:
        yield running


def scraped(url: str, accept: str = "text/plain") -> dict[str, float]:
    """Every series by its name and its labels as they are written."""
    answer = httpx.get(f"{url}/metrics", headers={"accept": accept}, timeout=20).raise_for_status()
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def total(url: str, name: str) -> float:
    """A counter over all its labels."""
    return sum(value for series, value in scraped(url).items() if series.partition(" ")[0] == f"ringback_{name}_total")


def test_campaign_is_told_in_figures_in_spans_and_in_a_log_without_numbers(server, home, collector):
    """Totals are those of the rows, every attempt has its span in its call's trace, and no number is anywhere."""
    people = {**NOBODY, "seed": 5, "speed": 0}
    trunk = make_trunk(server, people)
    campaign = make_campaign(server, trunk, LEADS, 10, RETRY)
    eventually(lambda: is_complete(server, campaign))
    attempts = rows(dsn_of(home.data), ATTEMPTS)
    assert len(attempts) >= len(LEADS)
    check_figures(server.url, attempts)
    check_requests(server, collector)
    check_spans(collector, attempts)
    assert collector.services == {"calls"}
    a_node_dies(server, home, people)
    check_log(server)
    assert not re.search(r"415555|\+\d{7}", str(collector.spans))


def check_figures(url, attempts):
    """What was counted is what is stored; both formats are to be had, without a key."""
    assert eventually(lambda: total(url, "campaigns_finished")) == 1
    for name in ("dials", "intents", "attempts_ended"):
        assert total(url, name) == len(attempts), name
    series = scraped(url)
    assert series["ringback_lateness_seconds_count"] == len(attempts)
    assert series["ringback_settle_batch_attempts_sum"] == len(attempts)
    for reason in {row["end_reason"] for row in attempts}:
        ended = sum(row["end_reason"] == reason for row in attempts)
        assert series[f"ringback_attempts_ended_total end_reason={reason}"] == ended
    assert series["ringback_claim_seconds_count"] > 0
    eventually(lambda: scraped(url).get("ringback_nodes_alive") == 1)
    standing = eventually(lambda: (s := scraped(url)).get("ringback_unexplained_seconds") is not None and s)
    for name in ("queue_calls", "oldest_due_seconds", "in_flight_attempts", "unexplained_seconds"):
        assert standing[f"ringback_{name}"] == 0
    answer = httpx.get(f"{url}/metrics", headers={"accept": OPENMETRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def check_requests(server, collector):
    """A request is counted by its route, and its span joins the caller's trace."""
    with server.http() as client:
        before = scraped(server.url)
        answer = client.get(
            f"/v1/trunks/{'trk_' + 26 * '0'}", headers={"traceparent": f"00-{CALLER}-b7ad6b7169203331-01"}
        )
        client.get("/no/such/path")
        client.request("BREW", "/v1/trunks")
    after = scraped(server.url)
    for series in (
        "method=GET route=/v1/trunks/{id} status=404",
        "method=GET route=unmatched status=404",
        "method=OTHER route=unmatched status=405",
    ):
        name = f"ringback_http_requests_total {series}"
        assert after[name] == before.get(name, 0) + 1
    (span,) = eventually(lambda: [span for span in collector.spans if span.trace_id.hex() == CALLER])
    assert (span.name, span.parent_span_id.hex()) == ("GET /v1/trunks/{id}", "b7ad6b7169203331")
    assert attributes(span)["ringback.request_id"] == answer.headers["x-request-id"]


def check_spans(collector, attempts):
    """Each attempt has one, with its ids; a call's are one trace, and no two calls share one."""
    spans = eventually(lambda: len(found := collector.named("attempt")) >= len(attempts) and found)
    told = {attributes(span)["ringback.attempt_id"]: attributes(span) for span in spans}
    assert len(told) == len(spans)
    traces = defaultdict(set)
    for span in spans:
        traces[attributes(span)["ringback.call_id"]].add(span.trace_id)
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        names = [event.name for event in span.events]
        assert names in (["called"], ["called", "ringing"])
        times = [event.time_unix_nano for event in span.events]
        assert times == sorted(times)
    for row in attempts:
        span = told[ids.show(ids.ATTEMPT, row["attempt_id"])]
        assert span["ringback.call_id"] == ids.show(ids.CALL, row["call_id"])
        assert (span["ringback.attempt"], span["ringback.end_reason"]) == (row["attempt"], row["end_reason"])
    assert all(len(of_call) == 1 for of_call in traces.values())
    assert len(set.union(*traces.values())) == len(traces) == len(LEADS)
    assert sum(attributes(span)["ringback.dials"] for span in collector.named("claim")) == len(attempts)
    settled = collector.named("settle")
    assert sum(attributes(span)["ringback.attempts"] for span in settled) == len(attempts)


def a_node_dies(server, home, people):
    """One is killed while its calls ring; its sums go on, and what it left is counted as rescued."""
    before = scraped(server.url)
    trunk = make_trunk(server, {**people, "speed": 10, "seed": 6})
    campaign = make_campaign(server, trunk, range(100, 110), 10)
    eventually(lambda: rows(dsn_of(home.data), "SELECT FROM attempts WHERE called_at IS NOT NULL AND ended_at IS NULL"))
    kill(server.pid("node"))
    eventually(lambda: is_complete(server, campaign), 60)
    after = scraped(server.url)
    assert after["ringback_nodes_started_total"] > before["ringback_nodes_started_total"]
    assert after["ringback_dials_total"] >= before["ringback_dials_total"]
    assert eventually(lambda: total(server.url, "rescued_attempts"))


def check_log(server):
    """The events are there with their ids, and nothing that could be a phone number."""
    said = server.said()
    for event in ("NodeStarted", "CampaignsFinished", "Rescued"):
        assert f'"event": "{event}"' in said
    assert not re.search(r"415555|\+\d{7}", said)


def test_server_that_only_dials_is_scraped_on_a_port_of_its_own(home):
    """It has no API; its figures go on when its node is killed."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with starting(home.data, "--dial", "--metrics-port", port) as server:
        server.await_ready()
        assert eventually(lambda: scraped(url).get("ringback_nodes_alive")) == 1
        begun = scraped(url)["ringback_nodes_started_total"]
        kill(server.pid("node"))
        eventually(lambda: scraped(url)["ringback_nodes_started_total"] > begun)
        assert server.stop() == 0


def test_api_leaves_the_figures_to_the_port_of_their_own(home):
    """With `--metrics-port` the API's port, which others may reach, has none."""
    port = free_port()
    with serving(home.data, "--api", "--metrics-port", port, key=home.live_key) as server:
        assert httpx.get(f"{server.url}/metrics").status_code == 404
        assert scraped(f"http://127.0.0.1:{port}")["ringback_http_requests_total method=GET route=unmatched status=404"]
        assert server.stop() == 0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
