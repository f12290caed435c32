"""Artifacts, releases and changes as tables: for people on a terminal, for programs in a pipe."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.catalog import APPEARED, CHANGES, REPLACED, VANISHED, CatalogChange
from pyorg_pipeline.model.releases import PythonRelease, ReleaseState
from pyorg_pipeline.model.text import plural
from pyorg_pipeline.reports.lines import (
    aligned,
    iso_text,
    printable,
    size_text,
    time_text,
)

if TYPE_CHECKING:
    from rich.console import Console

#: Terminals of this width are shown more columns, with whole paths and times of day.
WIDE: Final = 150

_QUIET: Final = "dim"
_TYPE: Final = "cyan"
_STATES: Final = {
    ReleaseState.COMPLETE: "green",
    ReleaseState.PARTIAL: "bold red",
    ReleaseState.SUPERSEDED: _QUIET,
}
_CHANGES: Final = {APPEARED: "bold green", VANISHED: "bold red", REPLACED: "bold yellow"}


class Column(NamedTuple):
    """A column: its heading, and a row's text in it."""

    heading: str
    text: Callable[[Any], str]
    #: On a terminal.
    style: str | Callable[[Any], str] = ""
    #: Whether a terminal that is too narrow shows it on several lines.
    folds: bool = False
    right: bool = False


class Table(NamedTuple):
    """How rows of one kind are shown."""

    noun: str
    #: In a pipe. An empty text is shown as `-`, and only the last column may have blanks.
    pipe: Sequence[Column]
    #: On a terminal.
    narrow: Sequence[Column]
    wide: Sequence[Column]
    #: The text below the table.
    note: Callable[[Sequence[Any]], str]
    #: The columns of a heading above consecutive rows that agree in them.
    headings: Sequence[Column] = ()
    #: The order of rows on a terminal; without it they keep theirs.
    order: Callable[[Any], Any] | None = None


def print_rows(table: Table, rows: Sequence[Any]) -> str:
    """Write rows to stdout: a table on a terminal, else a line each; returns an empty text.

    If there are none, stderr says so, and stdout stays empty.
    """
    if not rows:
        sys.stderr.write(f"no {table.noun}s\n")
    elif sys.stdout.isatty():
        print_table(table, rows)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in table_lines(table.pipe, rows)))
    return ""


def table_lines(columns: Sequence[Column], rows: Sequence[Any]) -> Iterator[str]:
    """A header line and a line a row, in aligned columns that awk can take apart."""

    def cell(column: Column, row: Any) -> str:
        text = printable(column.text(row)) or "-"
        return text if column is columns[-1] else text.replace(" ", "\\x20")

    cells = [[cell(column, row) for column in columns] for row in rows]
    right = [index for index, column in enumerate(columns) if column.right]
    return aligned([[column.heading for column in columns], *cells], right)


def print_table(table: Table, rows: Sequence[Any], console: Console | None = None) -> None:
    """Write a table to a terminal, as wide as it allows; nothing is cut off."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  # imported only for terminals
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def cell(column: Column, row: Any) -> Text:
        style = column.style if isinstance(column.style, str) else column.style(row)
        return Text(printable(column.text(row)), style=style)

    def heading(row: Any) -> tuple[str, ...]:
        return tuple(column.text(row) for column in table.headings)

    console = console or Console()
    columns = table.wide if console.width >= WIDE else table.narrow
    if table.order is not None:
        rows = sorted(rows, key=table.order)
    shown = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        shown.add_column(
            column.heading,
            no_wrap=not column.folds,
            overflow="fold",
            justify="right" if column.right else "left",
        )
    for _, group in groupby(rows, key=heading):
        members = list(group)
        if table.headings:
            shown.add_section()
            shown.add_row(Text("  ").join(cell(column, members[0]) for column in table.headings))
        for row in members:
            shown.add_row(*(cell(column, row) for column in columns))
    console.print(shown)
    console.print(Text(f"\n{table.note(rows)}", style=_QUIET))


def _date(time: datetime | None) -> str:
    return "-" if time is None else f"{time:%Y-%m-%d}"


def _minute(time: datetime | None) -> str:
    return "-" if time is None else f"{time:%Y-%m-%d %H:%M}"


def _iso(time: datetime | None) -> str:
    return "" if time is None else iso_text(time, "minutes")


def _bytes(size: int | None) -> str:
    return "" if size is None else str(size)


def _version(artifact: PythonOrgArtifact) -> str:
    return "-" if artifact.release_version is None else artifact.release_version.text


def _version_style(row: PythonOrgArtifact | PythonRelease) -> str:
    return "bold green" if row.is_final else "bold yellow"


def _attributes(artifact: PythonOrgArtifact, *without: str) -> list[str]:
    """The attributes in an artifact's name; a flag by its own name."""
    return [
        name if value is True else str(value)
        for name, value in artifact.release_format.items()
        if name not in without
    ]


def _artifacts_note(artifacts: Sequence[PythonOrgArtifact]) -> str:
    total = size_text(sum(artifact.size or 0 for artifact in artifacts))
    return f"{plural(len(artifacts), 'artifact')}, {total} in all (1 MB = 1,000,000 bytes)"


ARTIFACTS: Final = Table(
    "artifact",
    pipe=(
        Column("VERSION", _version),
        Column("TYPE", lambda one: one.release_type),
        Column("ATTRIBUTES", lambda one: ",".join(_attributes(one))),
        Column("BYTES", lambda one: _bytes(one.size), right=True),
        Column("MODIFIED", lambda one: _iso(one.last_modified)),
        Column("COMPANIONS", lambda one: ",".join(one.related)),
        Column("PATH", lambda one: one.path),
    ),
    narrow=(
        Column("Name", lambda one: one.name, folds=True),
        # Without the packing: each name ends in it.
        Column("Attributes", lambda one: " ".join(_attributes(one, "format")), folds=True),
        Column("Size", lambda one: size_text(one.size), right=True),
        Column("Modified", lambda one: _date(one.last_modified), _QUIET),
    ),
    wide=(
        Column("Path", lambda one: one.path, folds=True),
        Column("Attributes", lambda one: " ".join(_attributes(one)), folds=True),
        Column("Size", lambda one: size_text(one.size), right=True),
        Column("Modified (UTC)", lambda one: _minute(one.last_modified), _QUIET),
        Column("Companions", lambda one: " ".join(one.related), _QUIET, folds=True),
    ),
    note=_artifacts_note,
    # Columns for these would leave the names no room in 80 columns.
    headings=(
        Column("Version", _version, _version_style),
        Column("Type", lambda one: one.release_type, _TYPE),
    ),
    order=lambda one: (one.release_version or (), one.release_type, one.path),
)


def _families(release: PythonRelease) -> str:
    missing = release.missing_families
    return " ".join(release.families) + (f"; lacks {' '.join(missing)}" if missing else "")


def _releases_note(releases: Sequence[PythonRelease]) -> str:
    partial = [one for one in releases if one.state is ReleaseState.PARTIAL]
    notes = [f"{plural(len(releases), 'release')}, {len(partial)} partial"]
    for one in partial:
        until = _minute(one.expected_complete_by)
        lacks = ", ".join(one.missing_families)
        notes.append(f"{one.version} lacks {lacks}: may come until {until} UTC")
    return "\n".join(notes)


_RELEASE: Final = (
    Column("Version", lambda one: one.version, _version_style),
    Column("State", lambda one: one.state, lambda one: _STATES[one.state]),
)
RELEASES: Final = Table(
    "release",
    pipe=(
        Column("VERSION", lambda one: one.version),
        Column("STATE", lambda one: one.state),
        Column("RELEASED", lambda one: _iso(one.released)),
        Column("FAMILIES", lambda one: ",".join(one.families)),
        Column("MISSING", lambda one: ",".join(one.missing_families)),
        Column(
            "COMPLETE_BY",
            lambda one: _iso(one.expected_complete_by) if one.missing_families else "",
        ),
        Column("SIGNED", lambda one: f"{one.signed_share:.2f}"),
        Column("ARTIFACTS", lambda one: str(one.artifacts)),
        Column("BYTES", lambda one: str(one.bytes), right=True),
        Column("SOURCE", lambda one: one.source_path or ""),
    ),
    narrow=(
        *_RELEASE,
        Column("Released", lambda one: _date(one.released), _QUIET),
        Column("Families", _families, folds=True),
        Column("Size", lambda one: size_text(one.bytes), right=True),
    ),
    wide=(
        *_RELEASE,
        Column("Released (UTC)", lambda one: _minute(one.released), _QUIET),
        Column("Families", _families, folds=True),
        Column("Files", lambda one: str(one.artifacts), right=True),
        Column("Signed", lambda one: f"{one.signed_share:.0%}", right=True),
        Column("Size", lambda one: size_text(one.bytes), right=True),
        Column("Source", lambda one: one.source_path or "-", _QUIET, folds=True),
    ),
    note=_releases_note,
)


def _before(change: CatalogChange, date: Callable[[datetime | None], str]) -> str:
    """What differs of a replaced file."""
    if change.change != REPLACED:
        return ""
    parts = []
    if change.size_before != change.size:
        shown = size_text(change.size_before)
        # A difference that the decimals do not show is shown in bytes.
        parts.append(f"{change.size_before} B" if shown == size_text(change.size) else shown)
    if change.last_modified_before != change.last_modified:
        parts.append(date(change.last_modified_before))
    return ", ".join(parts)


def _size(change: CatalogChange) -> str:
    """The size now; of a vanished file, the one that it had."""
    return size_text(change.size_before if change.change == VANISHED else change.size)


def _modified(change: CatalogChange) -> str:
    is_gone = change.change == VANISHED
    return _minute(change.last_modified_before if is_gone else change.last_modified)


def _changes_note(changes: Sequence[CatalogChange]) -> str:
    counts = Counter(change.change for change in changes)
    listed = ", ".join(f"{counts[kind]:,} {kind}" for kind in CHANGES if counts[kind])
    return f"{plural(len(changes), 'change')}: {listed}"


_CHANGE: Final = (
    Column("Path", lambda one: one.path, folds=True),
    Column("Change", lambda one: one.change, lambda one: _CHANGES.get(one.change, "")),
)
CHANGES_TABLE: Final = Table(
    "change",
    pipe=(
        Column("SEEN", lambda one: iso_text(one.seen_at, "milliseconds")),
        Column("CHANGE", lambda one: one.change),
        Column("TYPE", lambda one: one.artifact_type),
        Column("BYTES", lambda one: _bytes(one.size), right=True),
        Column("MODIFIED", lambda one: _iso(one.last_modified)),
        Column("BYTES_BEFORE", lambda one: _bytes(one.size_before), right=True),
        Column("MODIFIED_BEFORE", lambda one: _iso(one.last_modified_before)),
        Column("PATH", lambda one: one.path),
    ),
    narrow=(
        *_CHANGE,
        Column("Size", _size, right=True),
        Column("Before", lambda one: _before(one, _date), _QUIET, folds=True),
    ),
    wide=(
        *_CHANGE,
        Column("Type", lambda one: one.artifact_type, _TYPE),
        Column("Size", _size, right=True),
        Column("Modified (UTC)", _modified, _QUIET),
        Column("Before", lambda one: _before(one, _minute), _QUIET, folds=True),
    ),
    note=_changes_note,
    headings=(Column("Seen", lambda one: time_text(one.seen_at), "bold"),),
)
