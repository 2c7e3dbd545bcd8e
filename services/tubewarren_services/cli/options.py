"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Show so many rows at most.")]

Concurrency = Annotated[int | None, typer.Option(min=1, max=64, help="Download so many videos at a time.")]
Processor = Annotated[
    str | None, typer.Option(help="Call `package.module:function` for each video instead of downloading it.")
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="HOST", help="Allow sources and videos on this host too; may be given several times."),
]
SourcesFile = Annotated[Path | None, typer.Option("--sources", help="Import sources from this file when it changes.")]
Results = Annotated[Path | None, typer.Option(help="Put finished videos into this folder.")]
Selected = Annotated[Path | None, typer.Option(help="Move selected videos to this folder.")]
Workbook = Annotated[Path | None, typer.Option(help="Keep the list and its mirror in this folder of CSV files.")]
Spreadsheet = Annotated[
    str | None, typer.Option(metavar="ID_OR_URL", help="Keep the list and its mirror in this Google spreadsheet.")
]
Credentials = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Use the Google service account whose key is in this file.")
]
