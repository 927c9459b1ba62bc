import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.in_part import THOROUGH

ROOT = Path(__file__).parents[2]

LARGE = """
import json, re, sys
from pathlib import Path
from ringback.intake.leads import read_leads

class Large:
    "A file of so many bytes that exists nowhere."
    def __init__(self, size):
        self.left, self.row = size, 0
    def read(self, size):
        if self.left <= 0:
            return b""
        lines = [] if self.row else [b"phone,note\\n"]
        while sum(map(len, lines)) < size:
            self.row += 1
            lines.append(b"+1415555%04d,%s\\n" % (self.row % 10_000, b"x" * 32_000))
        block = b"".join(lines)
        self.left -= len(block)
        return block

leads = rows = 0
source = Large(int(sys.argv[1]))
for chunk in read_leads(source):
    leads += len(chunk.leads)
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps({"leads": leads, "written": source.row, "peak_kib": peak}))
"""


@pytest.mark.slow
def test_a_large_file_is_read_in_bounded_memory():
    """All its leads, in as little memory whatever its size: one of 1 GB where all is tried, else a tenth of that."""
    size = 1_000_000_000 if THOROUGH else 100_000_000
    run = subprocess.run([sys.executable, "-c", LARGE, str(size)], cwd=ROOT / "src", capture_output=True, check=True)
    seen = json.loads(run.stdout)
    assert seen["leads"] == seen["written"] > size // 33_000
    assert seen["peak_kib"] < 100 * 1024
