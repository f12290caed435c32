"""Tables as a terminal of some width shows them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from pyorg_pipeline.reports.tables import Table, print_table


def shown(table: Table, rows: Sequence[Any], width: int, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width, **options)
    print_table(table, rows, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def lines_of(text: str) -> str:
    """A table without its rule and its trailing blanks."""
    lines = (line.rstrip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if not line.startswith("─"))
