from ringback.intake.report import LONGEST_VALUE, MESSAGES, MOST_EXAMPLES, MOST_ROWS, Report, reject


def test_rejected_rows_are_grouped_by_reason_with_rows_and_values():
    """The most frequent reason comes first, each with its message."""
    report = Report()
    report.reject("duplicate", 7, "+14155550100")
    report.reject_all([reject("invalid_phone_number", 4, "12"), reject("invalid_phone_number", 9, "12")])
    report.created = 150
    assert report.to_dict() == {
        "created": 150,
        "rejected": 3,
        "reasons": [
            {
                "code": "invalid_phone_number",
                "message": MESSAGES["invalid_phone_number"],
                "count": 2,
                "rows": [4, 9],
                "examples": ["12"],
            },
            {
                "code": "duplicate",
                "message": MESSAGES["duplicate"],
                "count": 1,
                "rows": [7],
                "examples": ["+14155550100"],
            },
        ],
    }


def test_a_report_stays_small():
    """A million bad rows are counted, and only the first are named."""
    report = Report()
    for row in range(2 * MOST_ROWS):
        report.reject("invalid_phone_number", row, str(row))
    [reason] = report.to_dict()["reasons"]
    assert reason["count"] == report.rejected == 2 * MOST_ROWS
    assert reason["rows"] == list(range(MOST_ROWS))
    assert reason["examples"] == [str(n) for n in range(MOST_EXAMPLES)]


def test_a_value_is_cut_short_and_can_be_stored_anywhere():
    """No NUL, nothing that is not text, and not the whole of a long cell."""
    assert reject("unreadable_row", 2, "a\x00b\udcff" + "c" * 500).value == "a?b?" + "c" * (LONGEST_VALUE - 4)
