"""Releases as a table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from pyorg_pipeline.model.releases import PythonRelease, ReleaseState
from pyorg_pipeline.reports.layout import (
    FINAL,
    PRE_RELEASE,
    QUIET,
    SIZE,
    WIDE,
    Column,
    empty_table,
)
from pyorg_pipeline.reports.words import plural, printable, size_text

_STATES: Final = {
    ReleaseState.COMPLETE: "green",
    ReleaseState.PARTIAL: "bold red",
    ReleaseState.SUPERSEDED: QUIET,
}


def print_release_table(releases: Sequence[PythonRelease], console: Console | None = None) -> None:
    """Write a table to a terminal, in the order given; what does not fit is folded."""
    console = console or Console()
    columns = _wide(releases) if console.width >= WIDE else _narrow(releases)
    table = empty_table(columns, 0, console.width)
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    console.print(table)
    partial = [one for one in releases if one.state is ReleaseState.PARTIAL]
    notes = [f"{plural(len(releases), 'release')}, {len(partial)} partial"]
    for one in partial:
        due = one.expected_complete_by
        until = "" if due is None else f" until {due:%Y-%m-%d %H:%M} UTC"
        notes.append(f"{one.version} lacks {', '.join(one.missing_families)}: may come{until}")
    for note in ("", *notes):
        console.print(Text(note, style=QUIET))


def _narrow(releases: Sequence[PythonRelease]) -> list[Column]:
    return [
        Column("Version", [_version(one) for one in releases]),
        Column("State", [Text(one.state, style=_STATES[one.state]) for one in releases]),
        Column("Released", [_time(one.released, "%Y-%m-%d") for one in releases]),
        Column("Families", [_families(one) for one in releases], 1, 12),
        Column(SIZE, [Text(size_text(one.bytes)) for one in releases]),
    ]


def _wide(releases: Sequence[PythonRelease]) -> list[Column]:
    return [
        Column("Version", [_version(one) for one in releases]),
        Column("State", [Text(one.state, style=_STATES[one.state]) for one in releases]),
        Column("Released (UTC)", [_time(one.released, "%Y-%m-%d %H:%M") for one in releases]),
        Column("Families", [_families(one) for one in releases], 2, 20),
        Column("Files", [Text(str(one.artifacts)) for one in releases]),
        Column("Signed", [Text(f"{one.signed_share:.0%}") for one in releases]),
        Column(SIZE, [Text(size_text(one.bytes)) for one in releases]),
        Column("Source", [_source(one) for one in releases], 1, 20),
    ]


def _version(release: PythonRelease) -> Text:
    return Text(release.version, style=FINAL if release.is_final else PRE_RELEASE)


def _families(release: PythonRelease) -> Text:
    """What it has, and what is still to come."""
    text = Text(" ".join(release.families))
    if release.missing_families:
        lacks = f"; lacks {' '.join(release.missing_families)}"
        text.append(lacks, style=_STATES[ReleaseState.PARTIAL])
    return text


def _source(release: PythonRelease) -> Text:
    path = release.source_path
    return Text("-" if path is None else printable(path), style=QUIET)


def _time(time: datetime | None, form: str) -> Text:
    return Text("-" if time is None else time.strftime(form), style=QUIET)
