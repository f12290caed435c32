"""Artifacts as a table on a terminal: colours, human sizes, as much as its width can show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.text import Text

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.reports.layout import (
    FINAL,
    PRE_RELEASE,
    QUIET,
    SIZE,
    WIDE,
    Column,
    empty_table,
)
from pyorg_pipeline.reports.words import (
    attribute_texts,
    plural,
    printable,
    size_text,
    version_text,
)

_TYPE: Final = "cyan"


def print_table(artifacts: Sequence[PythonOrgArtifact], console: Console | None = None) -> None:
    """Write a table to a terminal; nothing is cut, what does not fit is folded.

    Sorted by version, type and path, whatever the order given, with a heading for each version
    and type: columns for them would leave the names no room in 80 columns.
    """
    console = console or Console()
    ordered = sorted(
        artifacts, key=lambda one: (one.release_version or (), one.release_type, one.path)
    )
    columns = _wide(ordered) if console.width >= WIDE else _narrow(ordered)
    kinds = [_kind(artifact) for artifact in ordered]
    table = empty_table(columns, max(kind.cell_len for kind in kinds), console.width)
    rows = zip(*(column.cells for column in columns), strict=True)
    for kind, group in groupby(kinds):
        table.add_section()
        table.add_row(kind)
        for _, row in zip(group, rows, strict=False):
            table.add_row(*row)
    console.print(table)
    total = size_text(sum(artifact.size or 0 for artifact in ordered))
    note = f"\n{plural(len(ordered), 'artifact')}, {total} in all (1 MB = 1,000,000 bytes)"
    console.print(Text(note, style=QUIET))


def _narrow(artifacts: Sequence[PythonOrgArtifact]) -> list[Column]:
    """Without the packing: each name ends in it."""
    return [
        Column("Name", [Text(printable(one.name)) for one in artifacts], 1, 20),
        Column("Attributes", [_attributes(one, "format") for one in artifacts], 2, 13),
        Column(SIZE, [_size(one) for one in artifacts]),
        Column("Modified", [_modified(one, "%Y-%m-%d") for one in artifacts]),
    ]


def _wide(artifacts: Sequence[PythonOrgArtifact]) -> list[Column]:
    return [
        Column("Path", [Text(printable(one.path)) for one in artifacts], 2, 40),
        Column("Attributes", [_attributes(one) for one in artifacts], 3, 20),
        Column(SIZE, [_size(one) for one in artifacts]),
        Column("Modified (UTC)", [_modified(one, "%Y-%m-%d %H:%M") for one in artifacts]),
        Column("Companions", [_companions(one) for one in artifacts], 1, 20),
    ]


def _kind(artifact: PythonOrgArtifact) -> Text:
    style = FINAL if artifact.is_final else PRE_RELEASE
    return Text.assemble(
        (version_text(artifact.release_version), style),
        "  ",
        (printable(artifact.release_type), _TYPE),
    )


def _size(artifact: PythonOrgArtifact) -> Text:
    return Text(size_text(artifact.size))


def _modified(artifact: PythonOrgArtifact, form: str) -> Text:
    date = artifact.last_modified
    return Text("-" if date is None else date.strftime(form), style=QUIET)


def _attributes(artifact: PythonOrgArtifact, *without: str) -> Text:
    shown = {
        name: artifact.release_format[name]
        for name in artifact.release_format
        if name not in without
    }
    return Text(" ".join(attribute_texts(shown)))


def _companions(artifact: PythonOrgArtifact) -> Text:
    return Text(" ".join(map(printable, artifact.related)), style=QUIET)
