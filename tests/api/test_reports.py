"""What agents report of an attempt: by its token, once, or by a key."""

import asyncio
import random
from uuid import UUID

import pytest
from tests.engine.duties import another_workspace
from tests.rows import an_attempt, single_call
from tests.world import NOON
from whenever import TimeDelta

from ringback.ids import CALL, show
from ringback.store.agent_reports import KeptToken, drop_unused, keep_tokens
from ringback.store.agent_tokens import PREFIX, make_token, read_token
from ringback.store.keys import Scope

CALL_ID = UUID(int=1)
PATH = f"/v1/call-logs/{show(CALL, CALL_ID)}"
LINES = [{"at_sec": 0.5, "speaker": "user", "text": "Hello?"}, {"at_sec": None, "speaker": "agent", "text": "Hi"}]
TRANSCRIPT = {"transcript": LINES}
ANALYSIS = {"analysis": {"summary": "She comes.", "sentiment": "glad", "success": True, "day": {"of": ["week", 1]}}}
HOUR = TimeDelta(hours=1)
MILLI = TimeDelta(milliseconds=1)


@pytest.fixture
async def told(service):
    """A service with a call and one attempt of it, which is up."""
    await single_call(service.world)
    await an_attempt(service.world, CALL_ID, ended_at=None)
    return service


async def token_of(service, attempt=1, seed=1):
    """The text of an attempt's token, made as the engine makes it."""
    world = service.world
    token = make_token(world.workspace_no, attempt, random.Random(seed))
    attempt_id = await world.value("SELECT attempt_id FROM attempts WHERE attempt = $1", attempt)
    kept = KeptToken(world.workspace_no, CALL_ID, attempt, attempt_id, token.digest)
    async with world.database.connection() as db:
        await keep_tokens(db, [kept])
    return token.text


async def end(service, at=NOON):
    """The attempt is over."""
    await service.world.value(
        "UPDATE attempts SET status = 'completed', ended_at = $1, end_reason = 'user_disconnected', "
        "stop_reason = 'reached'",
        at,
    )


async def details(service):
    """The details of the call."""
    async with service.client(await service.key(Scope.CALLS_READ)) as client:
        answer = await client.get(f"{PATH}/details")
        assert answer.status_code == 200
        return answer.json()


async def report(service, secret, name, body, path=PATH):
    """The answer to a report."""
    async with service.client(secret) as client:
        return await client.post(f"{path}/{name}", json=body)


async def test_agent_reports_by_the_token_of_its_attempt(told):
    """While the call is up and afterwards; the details of the call have it, whole and with its attempt."""
    token = await token_of(told)
    answer = await report(told, token, "transcript", TRANSCRIPT)
    assert answer.status_code == 201
    assert answer.json() == {"call_id": show(CALL, CALL_ID), "attempt": 1, "reported_at": "2026-03-02T12:00:00.000Z"}
    await end(told)
    assert (await report(told, token, "analysis", ANALYSIS)).status_code == 201
    shown = await details(told)
    assert (shown["transcript"], shown["analysis"]) == (LINES, ANALYSIS["analysis"])
    assert [(a["transcript"], a["analysis"]) for a in shown["attempts"]] == [(LINES, ANALYSIS["analysis"])]


async def test_token_is_taken_once_for_each(told):
    """What was told first stays, whoever comes second, also at the same moment."""
    token = await token_of(told)
    answers = await asyncio.gather(*(report(told, token, "transcript", {"transcript": f"{n}"}) for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    [first] = [n for n, answer in enumerate(answers) if answer.status_code == 201]
    assert {answer.json().get("code") for answer in answers} == {None, "already_reported"}
    assert (await details(told))["transcript"] == f"{first}"
    assert (await report(told, token, "analysis", ANALYSIS)).status_code == 201
    assert (await report(told, token, "analysis", ANALYSIS)).status_code == 409


async def test_token_is_good_until_an_hour_after_the_end(told):
    """And not a moment longer."""
    token, clock = await token_of(told), told.world.clock
    clock.advance_to(NOON + 9 * HOUR)
    await end(told, NOON + 9 * HOUR)
    clock.advance_to(NOON + 10 * HOUR)
    assert (await report(told, token, "analysis", ANALYSIS)).status_code == 201
    clock.advance_to(NOON + 10 * HOUR + MILLI)
    late = await report(told, token, "transcript", TRANSCRIPT)
    assert (late.status_code, late.json()["code"]) == (401, "unauthenticated")


async def test_token_is_for_one_attempt_of_one_call_and_for_reports(told):
    """Another call, another attempt, and all other paths are closed to it; no answer tells why."""
    world = told.world
    token = await token_of(told)
    await single_call(world, n=2)
    await an_attempt(world, UUID(int=2), ended_at=None)
    other_path = f"/v1/call-logs/{show(CALL, UUID(int=2))}"
    other = await report(told, token, "transcript", TRANSCRIPT, other_path)
    nobody = await report(told, token, "transcript", TRANSCRIPT, "/v1/call-logs/call_x")
    forged = await report(told, PREFIX + token[len(PREFIX) : -1] + "0", "transcript", TRANSCRIPT)
    second = make_token(world.workspace_no, 2, random.Random(3)).text
    unknown = await report(told, second, "transcript", TRANSCRIPT)
    assert {answer.status_code for answer in (other, nobody, forged, unknown)} == {401}
    assert len({answer.json()["message"] for answer in (other, nobody, forged, unknown)}) == 1
    named = await report(told, token, "transcript", {**TRANSCRIPT, "attempt": 2})
    assert (named.status_code, named.json()["code"]) == (400, "validation_failed")
    async with told.client(token) as client:
        for path in ("/v1/workspace", PATH, f"{PATH}/details", f"{PATH}/recordings/1"):
            assert (await client.get(path)).status_code == 401
    assert (await report(told, token, "transcript", {**TRANSCRIPT, "attempt": 1})).status_code == 201


async def test_token_is_kept_as_its_hash_and_by_its_own_attempt(told):
    """A later one of the same attempt takes its place; one of an attempt that was dialled anew changes nothing."""
    world = told.world
    first, second = await token_of(told), await token_of(told, seed=2)
    stranger = make_token(world.workspace_no, 1, random.Random(9))
    async with world.database.connection() as db:
        await keep_tokens(db, [KeptToken(world.workspace_no, CALL_ID, 1, UUID(int=5), stranger.digest)])
    assert await world.value("SELECT token_hash FROM agent_reports") == read_token(second).digest
    assert (await report(told, first, "transcript", TRANSCRIPT)).status_code == 401
    assert (await report(told, stranger.text, "transcript", TRANSCRIPT)).status_code == 401
    assert (await report(told, second, "transcript", TRANSCRIPT)).status_code == 201


async def test_token_that_was_for_nobody_is_forgotten(told):
    """What was told stays."""
    token, key = await token_of(told), (told.world.workspace_no, CALL_ID, 1)
    async with told.world.database.connection() as db:
        await drop_unused(db, [key])
    assert (await report(told, token, "transcript", TRANSCRIPT)).status_code == 401
    token = await token_of(told)
    assert (await report(told, token, "transcript", TRANSCRIPT)).status_code == 201
    async with told.world.database.connection() as db:
        await drop_unused(db, [key])
    assert (await details(told))["transcript"] == LINES


async def test_key_reports_of_any_attempt_and_may_do_so_again(told):
    """Of the last one unless another is named."""
    await end(told)
    await an_attempt(told.world, CALL_ID, 2, ended_at=None)
    token = await token_of(told, 2)
    key = await told.key(Scope.REPORTS_WRITE)
    assert (await report(told, key, "transcript", {"transcript": "second"})).json()["attempt"] == 2
    assert (await report(told, key, "transcript", {"transcript": "first", "attempt": 1})).json()["attempt"] == 1
    assert (await report(told, key, "analysis", {**ANALYSIS, "attempt": 1})).status_code == 201
    shown = await details(told)
    assert (shown["transcript"], shown["analysis"]) == ("second", ANALYSIS["analysis"])
    assert [a["transcript"] for a in shown["attempts"]] == ["first", "second"]
    assert (await report(told, key, "transcript", {"transcript": "third"})).status_code == 201
    assert (await details(told))["transcript"] == "third"
    assert (await report(told, token, "transcript", TRANSCRIPT)).status_code == 409


async def test_key_needs_the_scope(told):
    """To write calls is not to report of them; an admin may do all."""
    for scopes, status in (((Scope.CALLS_WRITE, Scope.CALLS_READ), 403), ((Scope.ADMIN,), 201)):
        assert (await report(told, await told.key(*scopes), "analysis", ANALYSIS)).status_code == status
    for nobody in (None, "rb_live_x", PREFIX, f"{PREFIX}x"):
        assert (await report(told, nobody, "analysis", ANALYSIS)).status_code == 401


async def test_test_key_reports_of_simulated_calls_only(told):
    """As it does everything else."""
    key = await told.key(Scope.REPORTS_WRITE, live=False)
    assert (await report(told, key, "analysis", ANALYSIS)).status_code == 201
    await told.world.value("UPDATE trunks SET kind = 'sip'")
    refused = await report(told, key, "analysis", ANALYSIS)
    assert (refused.status_code, refused.json()["code"]) == (403, "test_key")


async def test_another_workspaces_call_is_not_there(told):
    """By its key as by its id."""
    other = await another_workspace(told.world, 1)
    key = await told.key(Scope.REPORTS_WRITE, workspace_no=other.workspace_no)
    refused = await report(told, key, "transcript", TRANSCRIPT)
    assert (refused.status_code, refused.json()["code"]) == (404, "call_not_found")
    stranger = make_token(other.workspace_no, 1, random.Random(1)).text
    assert (await report(told, stranger, "transcript", TRANSCRIPT)).status_code == 401


async def test_what_cannot_be_told_of_is_refused(told):
    """An attempt that is not there, a call that was never dialled, one that is not there, one that was anonymised."""
    key = await told.key(Scope.REPORTS_WRITE)
    await single_call(told.world, n=2)

    async def refused(path=PATH, **more):
        answer = await report(told, key, "transcript", {**TRANSCRIPT, **more}, path)
        return answer.status_code, answer.json()["code"]

    assert await refused(attempt=2) == (422, "unknown_attempt")
    assert await refused(f"/v1/call-logs/{show(CALL, UUID(int=2))}") == (422, "unknown_attempt")
    assert await refused("/v1/call-logs/call_x") == (404, "call_not_found")
    await told.world.value("UPDATE calls SET to_number = 'redacted:' || call_id")
    assert await refused() == (409, "call_anonymised")


WRONG = (
    ("transcript", {}, "transcript is missing"),
    ("transcript", {"transcript": []}, "transcript must be text"),
    ("transcript", {"transcript": " "}, "transcript must be text"),
    ("transcript", {"transcript": 5}, "transcript must be text"),
    ("transcript", {"transcript": "a\0"}, "transcript must be text"),
    ("transcript", {"transcript": ["x"]}, "transcript[0] must be an object"),
    ("transcript", {"transcript": [{**LINES[0], "x": 1}]}, "transcript[0] must be an object"),
    ("transcript", {"transcript": [LINES[0], {**LINES[0], "at_sec": -1}]}, "transcript[1].at_sec must be"),
    ("transcript", {"transcript": [{**LINES[0], "at_sec": True}]}, "transcript[0].at_sec must be"),
    ("transcript", {"transcript": [{**LINES[0], "at_sec": "1"}]}, "transcript[0].at_sec must be"),
    ("transcript", {"transcript": [{**LINES[0], "speaker": "bot"}]}, "transcript[0].speaker must be"),
    ("transcript", {"transcript": [{**LINES[0], "text": ""}]}, "transcript[0].text must be"),
    ("transcript", {**TRANSCRIPT, "attempt": 21}, "attempt must be"),
    ("transcript", {**TRANSCRIPT, "more": 1}, "more is not known"),
    ("analysis", {}, "analysis is missing"),
    ("analysis", {"analysis": "good"}, "analysis must be an object"),
    ("analysis", {"analysis": {"x": "y" * 65_536}}, "analysis must be an object of at most 65536 bytes"),
    ("analysis", {"analysis": {"x": "\0"}}, "analysis must not have NUL"),
    ("analysis", {"analysis": {"summary": 1}}, "analysis.summary must be text"),
    ("analysis", {"analysis": {"sentiment": "x" * 101}}, "analysis.sentiment must be text"),
    ("analysis", {"analysis": {"success": 1}}, "analysis.success must be"),
)
"""(what, the body, how the line about it begins)."""


async def test_report_that_is_wrong_is_refused(told):
    """With a line that says where; the token can still be used."""
    token = await token_of(told)
    for name, body, line in WRONG:
        answer = await report(told, token, name, body)
        assert answer.status_code == 400, line
        assert any(said.startswith(line) for said in answer.json()["message"]), answer.json()
    assert (await report(told, token, "transcript", TRANSCRIPT)).status_code == 201
    assert (await report(told, token, "analysis", {"analysis": {}})).status_code == 201
