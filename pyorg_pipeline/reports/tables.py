"""Artifacts, releases and changes as tables: for people on a terminal, for programs in a pipe."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.catalog import APPEARED, CHANGES, REPLACED, VANISHED, CatalogChange
from pyorg_pipeline.model.downloads import FolderVerification
from pyorg_pipeline.model.releases import PythonRelease, ReleaseState
from pyorg_pipeline.model.text import iso_text, plural
from pyorg_pipeline.reports.lines import aligned, printable, size_text, time_text

_STATES: Final = {
    ReleaseState.COMPLETE: "green",
    ReleaseState.PARTIAL: "bold red",
    ReleaseState.SUPERSEDED: "dim",
}
_OUTCOMES: Final = {
    "verified": "green",
    "damaged": "bold red",
    "missing": "bold yellow",
    "fetched": "green",
    "skipped": "dim",
    "failed": "bold red",
}
_CHANGES: Final = {APPEARED: "bold green", VANISHED: "bold red", REPLACED: "bold yellow"}


def _pipe_text(value: Any) -> str:
    """A value that a program can parse; `-` if it is missing or empty."""
    if isinstance(value, datetime):
        return iso_text(value, "minutes")
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list | tuple):
        value = ",".join(value)
    return "-" if value in {None, ""} else printable(str(value))


def _terminal_text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:.0%}"
    if isinstance(value, list | tuple):
        value = " ".join(value)
    return "-" if value is None else printable(str(value))


def _day(time: datetime | None) -> str:
    return "-" if time is None else f"{time:%Y-%m-%d}"


class Column(NamedTuple):
    """A column: the value of a row in it, and how a terminal shows it."""

    value: Callable[[Any], Any]
    heading: str = ""
    style: str | Callable[[Any], str] = ""
    text: Callable[[Any], str] = _terminal_text
    #: Whether a terminal that is too narrow shows it on several lines.
    folds: bool = False
    right: bool = False


class Table(NamedTuple):
    """How rows of one kind are shown: columns by name, and the names for each kind of output."""

    noun: str
    #: In their order on a terminal.
    columns: Mapping[str, Column]
    pipe: str
    #: Those on every terminal.
    narrow: str
    #: Those on terminals that have room for them, the most important first.
    wide: str
    #: The text below the table.
    note: Callable[[Sequence[Any]], str]
    #: The columns of a heading above consecutive rows that agree in them.
    headings: str = ""

    def select(self, names: str) -> list[Column]:
        """The columns of these names."""
        return [self.columns[name] for name in names.split()]


def print_rows(table: Table, rows: Sequence[Any]) -> str:
    """Write rows to stdout: a table on a terminal, else a line each; returns an empty text.

    Without rows, stderr says so, and stdout stays empty.
    """
    if not rows:
        sys.stderr.write(f"no {table.noun}s\n")
    elif sys.stdout.isatty():
        print_table(table, rows)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in table_lines(table, rows)))
    return ""


def table_lines(table: Table, rows: Sequence[Any]) -> Iterator[str]:
    """Return a header line and a line a row, in aligned columns that awk can split.

    Only the last column may have blanks.
    """
    columns = table.select(table.pipe)
    cells = [table.pipe.upper().split()]
    for row in rows:
        texts = [_pipe_text(column.value(row)) for column in columns]
        cells.append([*(text.replace(" ", "\\x20") for text in texts[:-1]), texts[-1]])
    return aligned(cells, [index for index, column in enumerate(columns) if column.right])


def print_table(table: Table, rows: Sequence[Any]) -> None:
    """Write a table to a terminal, as wide as it allows; nothing is truncated."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  # imported only for terminals
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    widths = _widths(table, rows, console.width)
    fits = sum(widths.values()) + 2 * len(widths) - 2 <= console.width
    shown = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name, width in widths.items():
        column = table.columns[name]
        shown.add_column(
            _heading(table, name),
            no_wrap=fits and not column.folds,
            overflow="fold",
            justify="right" if column.right else "left",
            # Without it, a column with a long name would shrink before one with long texts.
            min_width=width if fits else None,
        )

    def cells(names: Iterable[str], row: Any) -> Iterator[Text]:
        for name in names:
            column = table.columns[name]
            style = column.style(row) if callable(column.style) else column.style
            yield Text(column.text(column.value(row)), style=style)

    headings = table.headings.split()
    for heading, group in groupby(rows, key=lambda row: list(cells(headings, row))):
        if heading:
            shown.add_section()
            shown.add_row(Text("  ").join(heading))
        for row in group:
            shown.add_row(*cells(widths, row))
    console.print(shown)
    note = table.note(rows)
    if hidden := [name for name in _filled(table, table.wide, rows) if name not in widths]:
        note += f"\nWider terminals also show: {', '.join(hidden)}. --json shows all."
    console.print(Text(f"\n{note}", style="dim"))


def _heading(table: Table, name: str) -> str:
    return table.columns[name].heading or name.capitalize()


def _filled(table: Table, names: str, rows: Sequence[Any]) -> dict[str, set[str]]:
    """The texts of each column that is not empty."""
    texts = {
        name: {column.text(column.value(row)) for row in rows}
        for name, column in zip(names.split(), table.select(names), strict=True)
    }
    return {name: each for name, each in texts.items() if not each <= {"", "-"}}


def _widths(table: Table, rows: Sequence[Any], room: int) -> dict[str, int]:
    """The columns that a terminal shows, and the width that each needs to break no word."""
    widths: dict[str, int] = {}
    for name, texts in _filled(table, f"{table.narrow} {table.wide}", rows).items():
        column = table.columns[name]
        words = {word for text in texts for word in text.split()} if column.folds else texts
        needed, whole = (max(map(len, [_heading(table, name), *each])) for each in (words, texts))
        if needed > room and name in table.wide.split():
            break
        widths[name] = needed
        room -= whole + 2
    return {name: widths[name] for name in table.columns if name in widths}


def _version_style(row: PythonOrgArtifact | PythonRelease) -> str:
    return "bold green" if row.is_final else "bold yellow"


def _attributes(artifact: PythonOrgArtifact, without: Collection[str] = ()) -> list[str]:
    """An artifact's attributes; a flag by its own name."""
    shown = {"oldest_macos": "{}+"}
    if artifact.oldest_macos:
        without = {*without, "min_macos"}
    return [
        name if value is True else shown.get(name, "{}").format(value)
        for name, value in artifact.attributes.items()
        if name not in without
    ]


def _variant(artifact: PythonOrgArtifact) -> list[str]:
    return _attributes(artifact, without=("arch", "format"))


def _artifacts_note(artifacts: Sequence[PythonOrgArtifact]) -> str:
    total = size_text(sum(artifact.size or 0 for artifact in artifacts))
    return f"{plural(len(artifacts), 'artifact')}, {total} in all (1 MB = 1,000,000 bytes)"


ARTIFACTS: Final = Table(
    "artifact",
    {
        "version": Column(attrgetter("version"), style=_version_style),
        "type": Column(attrgetter("artifact_type"), style="cyan"),
        "arch": Column(attrgetter("arch")),
        "format": Column(attrgetter("format")),
        "variant": Column(_variant, folds=True),
        "attributes": Column(_attributes),
        "bytes": Column(attrgetter("size"), "Size", text=size_text, right=True),
        "modified": Column(attrgetter("last_modified")),
        "date": Column(attrgetter("last_modified"), style="dim", text=_day),
        "name": Column(attrgetter("name")),
        "path": Column(attrgetter("path")),
        "companions": Column(attrgetter("companions"), style="dim"),
    },
    pipe="version type attributes bytes modified companions path",
    narrow="version type arch format bytes date",
    wide="variant name companions",
    note=_artifacts_note,
)


def _families(release: PythonRelease) -> str:
    missing = release.missing_families
    return " ".join(release.families) + (f"; lacks {' '.join(missing)}" if missing else "")


def _releases_note(releases: Sequence[PythonRelease]) -> str:
    partial = [one for one in releases if one.state is ReleaseState.PARTIAL]
    notes = [f"{plural(len(releases), 'release')}, {len(partial)} partial"]
    for one in partial:
        until = _terminal_text(one.expected_complete_by)
        lacks = ", ".join(one.missing_families)
        notes.append(f"{one.version} lacks {lacks}: may come until {until} UTC")
    return "\n".join(notes)


RELEASES: Final = Table(
    "release",
    {
        "version": Column(attrgetter("version"), style=_version_style),
        "state": Column(attrgetter("state"), style=lambda one: _STATES[one.state]),
        "released": Column(attrgetter("released"), "Released (UTC)", "dim"),
        "families": Column(attrgetter("families")),
        "families_and_missing": Column(_families, "Families", folds=True),
        "missing": Column(attrgetter("missing_families")),
        "complete_by": Column(lambda one: one.missing_families and one.expected_complete_by),
        "artifacts": Column(attrgetter("artifacts"), right=True),
        "signed": Column(attrgetter("signed_share"), right=True),
        "bytes": Column(attrgetter("bytes"), "Size", text=size_text, right=True),
        "source": Column(attrgetter("source_path"), style="dim", folds=True),
    },
    pipe=("version state released families missing complete_by signed artifacts bytes source"),
    narrow="version state released families_and_missing bytes",
    wide="artifacts signed source",
    note=_releases_note,
)


#: Of the same rows.
VERSIONS: Final = RELEASES._replace(noun="version", narrow="version released state", wide="")


def _before(change: CatalogChange) -> str:
    """What differs of a replaced file."""
    if change.change != REPLACED:
        return ""
    parts = []
    if change.size_before != change.size:
        shown = size_text(change.size_before)
        # A difference that the decimals do not show is shown in bytes.
        parts.append(f"{change.size_before:,} bytes" if shown == size_text(change.size) else shown)
    if change.last_modified_before != change.last_modified:
        parts.append(_terminal_text(change.last_modified_before))
    return ", ".join(parts)


def _last_known(name: str) -> Callable[[CatalogChange], Any]:
    """The attribute of a file now; of a vanished file, the one that it had."""

    def value(change: CatalogChange) -> Any:
        return getattr(change, f"{name}_before" if change.change == VANISHED else name)

    return value


def _changes_note(changes: Sequence[CatalogChange]) -> str:
    counts = Counter(change.change for change in changes)
    listed = ", ".join(f"{counts[kind]:,} {kind}" for kind in CHANGES if counts[kind])
    return f"{plural(len(changes), 'change')}: {listed}"


CHANGES_TABLE: Final = Table(
    "change",
    {
        "refresh": Column(lambda one: time_text(one.seen_at), style="bold"),
        "seen": Column(lambda one: iso_text(one.seen_at, "milliseconds")),
        "path": Column(attrgetter("path"), folds=True),
        "change": Column(attrgetter("change"), style=lambda one: _CHANGES.get(one.change, "")),
        "type": Column(attrgetter("artifact_type"), style="cyan"),
        "bytes": Column(attrgetter("size"), right=True),
        "modified": Column(attrgetter("last_modified")),
        "bytes_before": Column(attrgetter("size_before"), right=True),
        "modified_before": Column(attrgetter("last_modified_before")),
        "size": Column(_last_known("size"), text=size_text, right=True),
        "date": Column(_last_known("last_modified"), "Modified (UTC)", "dim"),
        "before": Column(_before, style="dim", folds=True),
    },
    pipe="seen change type bytes modified bytes_before modified_before path",
    narrow="path change size before",
    wide="type date",
    note=_changes_note,
    headings="refresh",
)


VERIFIED_FILES: Final = Table(
    "file",
    {
        "outcome": Column(attrgetter("outcome"), style=lambda one: _OUTCOMES.get(one.outcome, "")),
        "by": Column(attrgetter("method")),
        "bytes": Column(attrgetter("size"), "Size", text=size_text, right=True),
        "file": Column(attrgetter("file"), folds=True),
        "reason": Column(attrgetter("reason"), style="dim", folds=True),
    },
    pipe="outcome by bytes file reason",
    narrow="outcome by bytes file reason",
    wide="",
    note=lambda files: FolderVerification("", list(files)).counts,
)


def _seconds(row: Mapping[str, Any]) -> str | None:
    return None if row["seconds"] is None else f"{row['seconds']:.1f}"


def _file(row: Mapping[str, Any]) -> str:
    return str(row["destination"] or row["path"])


def _file_with_reason(row: Mapping[str, Any]) -> str:
    reason = row["error"] or row["note"]
    return f"{_file(row)}: {reason}" if reason else _file(row)


def download_reasons(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield why artifacts were not downloaded, or not as one expects: a line an artifact."""
    return (printable(_file_with_reason(row)) for row in rows if row["error"] or row["note"])


def _downloads_note(rows: Sequence[Mapping[str, Any]]) -> str:
    outcomes = Counter(row["outcome"] for row in rows)
    listed = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items())
    return f"{plural(len(rows), 'artifact')}: {listed}"


#: Of rows of a download report.
DOWNLOADS: Final = Table(
    "download",
    {
        "outcome": Column(itemgetter("outcome"), style=lambda row: _OUTCOMES[row["outcome"]]),
        "verified": Column(itemgetter("verification")),
        "seconds": Column(_seconds),
        "bytes": Column(itemgetter("bytes"), "Size", text=size_text, right=True),
        "file": Column(_file, folds=True),
        "path": Column(_file_with_reason),
    },
    pipe="outcome verified seconds bytes path",
    narrow="outcome verified bytes file",
    wide="",
    note=_downloads_note,
)
