"""Writes docs/demo.svg, a picture of what `make demo` prints: `python scripts/make_picture.py`."""

import asyncio
import io
import re
import shutil
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from ringback.demo.report import Report, make_report
from ringback.demo.run import Demo, run_demo
from ringback.demo.show import show_story, show_whole
from ringback.store.embedded import EmbeddedPostgres

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "demo.svg"
DEMO = Demo(ROOT / "examples" / "leads.csv", leads=5_000, days=5, seed=7)
WIDTH = 80

# The format's fonts come from elsewhere; the picture fetches nothing and is drawn in the reader's own.
FORMAT = re.sub(r"\s*@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main() -> None:
    """Run the demo and draw the top of its report."""
    folder = Path(tempfile.mkdtemp(prefix="ringback-picture-"))
    try:
        with EmbeddedPostgres(folder / "data") as postgres:
            report = asyncio.run(_report(postgres.dsn))
    finally:
        shutil.rmtree(folder)
    PICTURE.write_text(picture(report), encoding="utf-8")
    print(f"wrote docs/{PICTURE.name}")


async def _report(dsn: str) -> Report:
    database, ran = await run_demo(dsn, DEMO, lambda _, __: None)
    try:
        return await make_report(database, DEMO, ran)
    finally:
        await database.close()


def picture(report: Report) -> str:
    """The whole of the report, and one retry history, as an SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    show_whole(report, console)
    console.print()
    show_story(report, "reached_late", console)
    return console.export_svg(title="make demo", code_format=FORMAT, unique_id="demo")


if __name__ == "__main__":
    main()
