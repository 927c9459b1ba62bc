"""Leads as JSON and as files over HTTP."""

import csv
import io

import openpyxl
import pytest
from tests.api.shared import leads, path


async def test_leads_as_json_are_created_and_bad_ones_reported(service, client):
    """Good rows become leads; the others come back by reason with their places."""
    body = {"leads": [*leads(2), {"phone_number": "12"}, *leads(1)]}
    answer = await client.post(path(service, "/leads"), json=body)
    assert answer.status_code == 201
    report = answer.json()
    assert (report["created"], report["rejected"]) == (2, 2)
    assert {reason["code"]: reason["rows"] for reason in report["reasons"]} == {
        "invalid_phone_number": [3],
        "duplicate": [4],
    }
    listed = (await client.get(path(service, "/leads"))).json()
    assert listed["meta"]["total"] == 2
    assert [lead["phone_number"] for lead in listed["data"]] == ["+14155550001", "+14155550000"]
    first = listed["data"][0]
    assert first["id"].removeprefix("lead_") == first["call_id"].removeprefix("call_")
    assert (first["status"], first["timezones"]) == ("queued", ["America/Los_Angeles"])


async def test_dry_run_reports_the_same_and_keeps_nothing(service, client):
    """200 with the report that the real one will have."""
    body = {"leads": [*leads(2), {"phone_number": "12"}, *leads(1)]}
    dry = await client.post(path(service, "/leads"), params={"dry_run": "true"}, json=body)
    assert dry.status_code == 200
    assert (await client.get(path(service, "/leads"))).json()["meta"]["total"] == 0
    real = await client.post(path(service, "/leads"), json=body)
    assert dry.json() == real.json()


def as_csv(rows):
    """A CSV file."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def as_workbook(rows):
    """An XLSX file."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


ROWS = [["phone", "name", "order"], ["415-555-2671", "Ada", "A-17"], ["12", "Bob", "B-2"]]


@pytest.mark.parametrize("write", [as_csv, as_workbook])
async def test_leads_come_from_a_file(service, client, write):
    """A form with a file and the region of its national numbers."""
    answer = await client.post(
        path(service, "/leads"), files={"file": ("leads", write(ROWS))}, data={"default_region": "us"}
    )
    assert answer.status_code == 201, answer.text
    assert (answer.json()["created"], answer.json()["rejected"]) == (1, 1)
    [lead] = (await client.get(path(service, "/leads"))).json()["data"]
    assert (lead["phone_number"], lead["variables"]) == ("+14155552671", {"order": "A-17"})


async def test_large_file_goes_through_the_disk(service, client):
    """A file of several blocks arrives whole."""
    rows = [["phone_number", "note"], *([f"+1415555{n:04}", "x" * 900] for n in range(3000))]
    answer = await client.post(path(service, "/leads"), files={"file": ("leads.csv", as_csv(rows))})
    assert answer.json()["created"] == 3000


@pytest.mark.parametrize(
    ("files", "data", "status", "code"),
    [
        ({"file": ("a", b"%PDF-1.7 nothing")}, {}, 415, "unknown_file_type"),
        ({"file": ("a", b"")}, {}, 400, "empty_file"),
        ({"file": ("a", b"name\nAda\n")}, {}, 400, "validation_failed"),
        ({"file": ("a", as_csv(ROWS))}, {"default_region": "XX"}, 400, "validation_failed"),
        ({"file": ("a", as_csv(ROWS))}, {"colour": "red"}, 400, "validation_failed"),
        ({"file": ("a", as_csv(ROWS))}, {"default_region": "U" * 5000}, 400, "validation_failed"),
        ({"other": ("a", b"x")}, {}, 400, "validation_failed"),
        ([("file", ("a", b"x")), ("file", ("b", b"x"))], {}, 400, "validation_failed"),
    ],
)
async def test_form_that_cannot_be_taken_is_refused(service, client, files, data, status, code):
    """Whatever is wrong with the file or the form, nothing is imported."""
    answer = await client.post(path(service, "/leads"), files=files, data=data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get(path(service, "/leads"))).json()["meta"]["total"] == 0


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("multipart/form-data", b"x", 400, "malformed_multipart"),
        ("multipart/form-data; boundary=b", b"", 400, "malformed_multipart"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-", 400, "malformed_multipart"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nabc',
            400,
            "malformed_multipart",
        ),
        ("text/csv", b"phone\n", 415, "unsupported_media_type"),
        ("application/json", b'{"leads": {}}', 400, "validation_failed"),
        ("application/json", b"{}", 400, "validation_failed"),
    ],
)
async def test_malformed_upload_is_refused(service, client, kind, body, status, code):
    """A form without its boundary, cut off, or something else altogether."""
    answer = await client.post(path(service, "/leads"), content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_limits_of_uploads_are_announced_ones_too(service, client):
    """More than 32 MiB of JSON or 1.5 GiB of file is refused before it is read."""
    for kind, size in (("application/json", 33 << 20), ("multipart/form-data; boundary=b", 1537 << 20)):
        headers = {"content-type": kind, "content-length": str(size)}
        answer = await client.post(path(service, "/leads"), content=b"x", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
