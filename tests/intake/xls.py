"""The smallest XLS workbook that a reader takes: BIFF8 records in an OLE file (MS-XLS, MS-CFB)."""

import struct

SECTOR = 512
END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def workbook(rows, password=False, hidden=False, stream="Workbook"):
    """The bytes of a workbook with one sheet; cells are strings or numbers."""
    cells = b"".join(_cell(y, x, value) for y, row in enumerate(rows) for x, value in enumerate(row))
    sheet = _begin(0x0010) + cells + _record(0x000A)
    name = b"leads"
    head = (
        _begin(0x0005)
        + (_record(0x002F, b"\1\0" + bytes(4)) if password else b"")
        + _record(0x0042, struct.pack("<H", 1200))
    )
    at = len(head) + 4 + 8 + len(name) + 4
    bound = _record(0x0085, struct.pack("<IBBBB", at, int(hidden), 0, len(name), 0) + name)
    return _container(stream, head + bound + _record(0x000A) + sheet)


def _record(kind, content=b""):
    return struct.pack("<HH", kind, len(content)) + content


def _begin(kind):
    return _record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))


def _cell(row, column, value):
    place = struct.pack("<HHH", row, column, 0)
    if isinstance(value, str):
        return _record(0x0204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
    return _record(0x0203, place + struct.pack("<d", value))


def _container(name, stream):
    count = max(8, -(-len(stream) // SECTOR))  # at least 4,096 bytes, or the stream would live elsewhere
    content = stream.ljust(count * SECTOR, b"\0")
    chain = [FAT, END, *range(3, 2 + count), END]
    table = struct.pack("<128I", *chain, *[FREE] * (128 - len(chain)))
    directory = _entry("Root Entry", 5, 1, END, 0) + _entry(name, 2, FREE, 2, len(content)) + bytes(256)
    return _header() + table + directory + content


def _header():
    start = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    return start + struct.pack("<9I", 0, 1, 1, 0, 4096, END, 0, END, 0) + struct.pack("<109I", 0, *[FREE] * 108)


def _entry(name, kind, child, first, size):
    text = (name + "\0").encode("utf-16-le")
    links = struct.pack("<HBBIII", len(text), kind, 1, FREE, FREE, child)
    return text.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", first, size)
