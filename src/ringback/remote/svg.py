"""What the pictures have in common: they stand alone, fetch nothing, and follow the reader's light or dark."""

from collections.abc import Iterable
from xml.sax.saxutils import escape

STYLE = """
    svg { --surface: #fcfcfb; --ink: #0b0b0b; --soft: #52514e; --line: #e1e0d9; --mark: #2a78d6; --none: #f0efec;
          background: var(--surface); font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; }
    @media (prefers-color-scheme: dark) {
      svg { --surface: #1a1a19; --ink: #ffffff; --soft: #c3c2b7; --line: #383835; --mark: #3987e5; --none: #2c2c2a; }
    }
    .title { font-size: 15px; font-weight: 600; fill: var(--ink); }
    .soft { fill: var(--soft); } .ink { fill: var(--ink); }
    .line { stroke: var(--line); stroke-width: 1; fill: none; }
    .none { fill: var(--none); }
"""


def picture(width: int, height: int, title: str, style: str, parts: Iterable[str]) -> str:
    """A whole SVG.

    Args:
        width: in pixels.
        height: in pixels.
        title: what it shows; read out too.
        style: rules of its own.
        parts: its elements.
    """
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">'
    )
    return "\n".join([head, f"<style>{STYLE}{style}</style>", words(16, 26, title, "title"), *parts, "</svg>", ""])


def words(x: float, y: float, text: str, kind: str = "soft", anchor: str = "start") -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
