"""Changes as a table on a terminal, under the refresh that saw them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.text import Text

from pyorg_pipeline.model.changes import APPEARED, CHANGES, REPLACED, VANISHED, CatalogChange
from pyorg_pipeline.reports.layout import QUIET, SIZE, WIDE, Column, empty_table
from pyorg_pipeline.reports.words import plural, printable, size_text, time_text

_STYLES: Final = {APPEARED: "bold green", VANISHED: "bold red", REPLACED: "bold yellow"}
_HEADING: Final = "bold"
_TYPE: Final = "cyan"

_DAY: Final = "%Y-%m-%d"
_MINUTE: Final = "%Y-%m-%d %H:%M"


def print_change_table(changes: Sequence[CatalogChange], console: Console | None = None) -> None:
    """Write a table to a terminal, in the order given; nothing is cut, what does not fit is folded.

    Sizes and dates are those of the file now, of one that vanished those that it had. `Before`
    shows what differs of a replaced one.
    """
    console = console or Console()
    columns = _wide(changes) if console.width >= WIDE else _narrow(changes)
    seen = [time_text(change.seen_at) for change in changes]
    table = empty_table(columns, max(map(len, seen)), console.width)
    rows = zip(*(column.cells for column in columns), strict=True)
    for heading, group in groupby(seen):
        table.add_section()
        table.add_row(Text(heading, style=_HEADING))
        for _, row in zip(group, rows, strict=False):
            table.add_row(*row)
    console.print(table)
    counts = Counter(change.change for change in changes)
    told = ", ".join(f"{counts[kind]:,} {kind}" for kind in CHANGES if counts[kind])
    console.print(Text(f"\n{plural(len(changes), 'change')}: {told}", style=QUIET))


def _narrow(changes: Sequence[CatalogChange]) -> list[Column]:
    return [
        Column("Path", [Text(printable(change.path)) for change in changes], 1, 30),
        _kinds(changes),
        Column(SIZE, [Text(size_text(_size(change))) for change in changes]),
        Column("Before", [_before(change, _DAY) for change in changes], 2, 10),
    ]


def _wide(changes: Sequence[CatalogChange]) -> list[Column]:
    return [
        Column("Path", [Text(printable(change.path)) for change in changes], 1, 40),
        _kinds(changes),
        Column("Type", [Text(printable(one.artifact_type), style=_TYPE) for one in changes]),
        Column(SIZE, [Text(size_text(_size(change))) for change in changes]),
        Column("Modified (UTC)", [_modified(change) for change in changes]),
        Column("Before", [_before(change, _MINUTE) for change in changes], 2, 16),
    ]


def _kinds(changes: Sequence[CatalogChange]) -> Column:
    return Column(
        "Change", [Text(one.change, style=_STYLES.get(one.change, "")) for one in changes]
    )


def _size(change: CatalogChange) -> int | None:
    return change.size_before if change.change == VANISHED else change.size


def _modified(change: CatalogChange) -> Text:
    is_gone = change.change == VANISHED
    return _date(change.last_modified_before if is_gone else change.last_modified, _MINUTE)


def _before(change: CatalogChange, form: str) -> Text:
    if change.change != REPLACED:
        return Text("")
    parts = []
    if change.size_before != change.size:
        shown = size_text(change.size_before)
        # A difference that the decimals do not show is told in bytes.
        parts.append(f"{change.size_before} B" if shown == size_text(change.size) else shown)
    if change.last_modified_before != change.last_modified:
        parts.append(_date(change.last_modified_before, form).plain)
    return Text(", ".join(parts), style=QUIET)


def _date(date: datetime | None, form: str) -> Text:
    return Text("-" if date is None else date.strftime(form), style=QUIET)
