"""Writes the table of clauses in docs/compliance.md from the rule packs: `python scripts/compliance.py`."""

from pathlib import Path

from ringback.domain.pack import Clause, Pack
from ringback.rules.shelf import Shelf
from ringback.rules.show import in_words

PAGE = Path(__file__).parent.parent / "docs" / "compliance.md"
BEGIN = "<!-- Made by scripts/compliance.py from src/ringback/rules/packs: change the packs there. -->"
END = "<!-- So far. -->"


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote docs/{PAGE.name}")


def page(text: str) -> str:
    """The page with the packs as they are now between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    packs = "\n\n".join(_pack(versions[-1]) for versions in Shelf().library().packs.values())
    return f"{before}{BEGIN}\n\n{packs}\n\n{END}{after}"


def _pack(pack: Pack) -> str:
    clauses = "\n".join(_clause(clause) for clause in pack.clauses)
    notes = "\n".join(f"- `{clause.clause_id}`: {_doubt(clause)}" for clause in pack.clauses if clause.note)
    missing = "\n".join(f"- {line}" for line in pack.not_covered)
    doubts = f"\n\nIn doubt, or stricter than the text:\n\n{notes}" if notes else ""
    return f"""### `{pack.name}`

{pack.title}. Version {pack.version}, in force from {pack.effective_from}.

| clause | binds | asks for | written in | from |
|---|---|---|---|---|
{clauses}{doubts}

Not covered:

{missing}"""


def _clause(clause: Clause) -> str:
    since = f"{clause.effective_from}" + (f" until {clause.effective_until}" if clause.effective_until else "")
    cells = (f"`{clause.clause_id}`", _binds(clause), in_words(clause.value), clause.citation, since)
    return f"| {' | '.join(cells)} |"


def _binds(clause: Clause) -> str:
    purposes = ", ".join(sorted(clause.scope.purposes)) or "every purpose"
    places = sorted(clause.scope.regions or clause.scope.countries)
    return f"{purposes}; {', '.join(places) if len(places) <= 6 else f'{len(places)} countries'}"


def _doubt(clause: Clause) -> str:
    return clause.note if clause.confirmed else f"**not confirmed.** {clause.note}"


if __name__ == "__main__":
    main()
