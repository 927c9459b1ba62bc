import json
import subprocess
import sys
from pathlib import Path

import pytest

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
def test_a_file_of_1_gb_is_read_in_bounded_memory():
    """All its leads, in less memory than a tenth of it."""
    run = subprocess.run([sys.executable, "-c", LARGE, "1000000000"], cwd=ROOT / "src", capture_output=True, check=True)
    seen = json.loads(run.stdout)
    assert seen["leads"] == seen["written"] > 31_000
    assert seen["peak_kib"] < 100 * 1024
