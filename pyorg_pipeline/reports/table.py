"""Artifacts as a table on a terminal: colours, human sizes, as much as its width can show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.reports.words import (
    attribute_texts,
    plural,
    printable,
    size_text,
    version_text,
)

#: From here on version and type have columns, and path and companions are shown.
WIDE: Final = 140

_FINAL: Final = "bold green"
_PRE_RELEASE: Final = "bold yellow"
_TYPE: Final = "cyan"
_QUIET: Final = "dim"
#: Between two columns: the padding, and the box's own blank.
_GAP: Final = 2


class _Column(NamedTuple):
    heading: str
    #: One a row.
    cells: list[Text]
    #: As narrow as it may become by folding; None: it is not folded.
    narrowest: int | None = None
    right: bool = False


def print_table(artifacts: Sequence[PythonOrgArtifact], console: Console | None = None) -> None:
    """Write a table to a terminal; nothing is cut, what does not fit is folded.

    Sorted by version, type and path, whatever the order given.
    """
    console = console or Console()
    ordered = sorted(
        artifacts, key=lambda one: (one.release_version or (), one.release_type, one.path)
    )
    layout = _wide if console.width >= WIDE else _narrow
    console.print(layout(ordered, console.width))
    total = size_text(sum(artifact.size or 0 for artifact in ordered))
    note = f"{plural(len(ordered), 'artifact')}, {total} in all (1 MB = 1,000,000 bytes)"
    console.print(Text(note, style=_QUIET))


def _narrow(artifacts: Sequence[PythonOrgArtifact], width: int) -> Table:
    """A heading for each version and type: columns for them would leave the names no room.

    The packing is left out, as each name ends in it.
    """
    columns = [
        _Column("Name", [Text(printable(one.name)) for one in artifacts], 20),
        _Column("Attributes", [_attributes(one, "format") for one in artifacts], 10),
        *_size_and_date(artifacts),
    ]
    table = _table(columns, width)
    rows = iter(zip(*(column.cells for column in columns), strict=True))
    for (version, release_type), group in groupby(artifacts, _kind):
        table.add_section()
        table.add_row(version + Text("  ") + release_type)
        for _ in group:
            table.add_row(*next(rows))
    return table


def _wide(artifacts: Sequence[PythonOrgArtifact], width: int) -> Table:
    kinds = [_kind(one) for one in artifacts]
    columns = [
        _Column("Version", [version for version, _ in kinds]),
        _Column("Type", [release_type for _, release_type in kinds]),
        _Column("Path", [Text(printable(one.path)) for one in artifacts], 40),
        _Column("Attributes", [_attributes(one) for one in artifacts], 20),
        *_size_and_date(artifacts),
        _Column("Companions", [_companions(one) for one in artifacts], 20),
    ]
    table = _table(columns, width)
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table


def _table(columns: Sequence[_Column], width: int) -> Table:
    """An empty table with columns as wide as their cells, or folded so that it fits.

    The widths are worked out here and not by rich: it would fold dates and sizes as well.
    """
    widths = [
        max(len(column.heading), *(len(cell) for cell in column.cells)) for column in columns
    ]
    excess = sum(widths) + _GAP * (len(columns) - 1) - width
    # From the right: what stands there is the least of the row.
    for index in reversed(range(len(columns))):
        narrowest = columns[index].narrowest
        if narrowest is not None and excess > 0:
            narrower = min(excess, max(0, widths[index] - narrowest))
            widths[index] -= narrower
            excess -= narrower
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column, column_width in zip(columns, widths, strict=True):
        table.add_column(
            column.heading,
            width=column_width,
            overflow="fold",
            justify="right" if column.right else "left",
        )
    return table


def _size_and_date(artifacts: Sequence[PythonOrgArtifact]) -> Iterator[_Column]:
    yield _Column("Size", [Text(size_text(one.size)) for one in artifacts], right=True)
    dates = (one.last_modified for one in artifacts)
    yield _Column(
        "Modified", [Text(f"{date:%Y-%m-%d}" if date else "-", style=_QUIET) for date in dates]
    )


def _kind(artifact: PythonOrgArtifact) -> tuple[Text, Text]:
    return (
        Text(
            version_text(artifact.release_version),
            style=_FINAL if artifact.is_final else _PRE_RELEASE,
        ),
        Text(printable(artifact.release_type), style=_TYPE),
    )


def _attributes(artifact: PythonOrgArtifact, *without: str) -> Text:
    shown = {name: artifact.release_format[name] for name in artifact.release_format if name not in without}
    return Text(" ".join(attribute_texts(shown)))


def _companions(artifact: PythonOrgArtifact) -> Text:
    return Text(" ".join(map(printable, artifact.related)), style=_QUIET)
