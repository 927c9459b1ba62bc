"""SIP messages for tests that have no far end: written as they go over the wire."""


def message(start: str, *headers: str, body: str = "") -> str:
    """A message."""
    return "\r\n".join([start, *headers, f"Content-Length: {len(body)}", "", body])


INVITE = message(
    "INVITE sip:+14155552671@192.0.2.1:5060;transport=udp SIP/2.0",
    "Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK77;rport",
    "Contact: <sip:+14155550100@192.0.2.9:5062>",
    "Max-Forwards: 70",
    "To: <sip:+14155552671@192.0.2.1:5060>",
    "From: <sip:+14155550100@192.0.2.1>;tag=ours",
    "Call-ID: abc@ours",
    "CSeq: 41 INVITE",
)


def response(status: str, *more: str, tag: str = "theirs", cseq: str = "41 INVITE", body: str = "") -> str:
    """A response to it, from the far end that chose a tag."""
    return message(
        f"SIP/2.0 {status}",
        "Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK77;rport=5062",
        "From: <sip:+14155550100@192.0.2.1>;tag=ours",
        f"To: <sip:+14155552671@192.0.2.1:5060>{';tag=' + tag if tag else ''}",
        "Call-ID: abc@ours",
        f"CSeq: {cseq}",
        *more,
        body=body,
    )


ACCEPTED = response("200 OK", "Contact: <sip:room@198.51.100.7:5070>")
