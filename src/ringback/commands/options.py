"""What commands of more than one subject take."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option(help="Directory of the database and all else.", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
