"""The columns of a table on a terminal, as wide as it allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

#: Terminals of this width are shown more columns, with whole paths and times of day.
WIDE: Final = 150

#: Styles that all tables share.
FINAL: Final = "bold green"
PRE_RELEASE: Final = "bold yellow"
QUIET: Final = "dim"

#: The heading of the column that is aligned to the right.
SIZE: Final = "Size"
#: Between two columns: the padding, and the box's own blank.
_GAP: Final = 2


class Column(NamedTuple):
    """A column of a table."""

    heading: str
    #: One a row.
    cells: list[Text]
    #: Where the table does not fit, the lowest gives way first; None never does.
    gives_way: int | None = None
    #: How narrow it may become then.
    narrowest: int = 0


def empty_table(columns: Sequence[Column], headings: int, width: int) -> Table:
    """A table with columns as wide as their cells and headings, or narrower so that it fits.

    The widths are worked out here and not by rich, which would fold dates and sizes as well.

    Args:
        columns: from left to right.
        headings: how wide the first one has to be for the headings between rows.
        width: the terminal's.
    """
    widths = [
        max(len(column.heading), *(cell.cell_len for cell in column.cells)) for column in columns
    ]
    widths[0] = max(widths[0], headings)
    excess = sum(widths) + _GAP * (len(columns) - 1) - width
    giving = [index for index, column in enumerate(columns) if column.gives_way is not None]
    for index in sorted(giving, key=lambda index: columns[index].gives_way or 0):
        less = min(max(0, excess), max(0, widths[index] - columns[index].narrowest))
        widths[index] -= less
        excess -= less
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column, column_width in zip(columns, widths, strict=True):
        table.add_column(
            column.heading,
            width=column_width,
            overflow="fold",
            justify="right" if column.heading == SIZE else "left",
        )
    return table
