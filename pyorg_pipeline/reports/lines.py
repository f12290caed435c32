"""Artifacts as lines for pipes: one line each, whole, in columns that awk can take apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.reports.words import attribute_texts, iso_text, printable, version_text

_HEADER: Final = ("VERSION", "TYPE", "ATTRIBUTES", "BYTES", "MODIFIED", "COMPANIONS", "PATH")
#: The one that is aligned to the right.
_BYTES: Final = _HEADER.index("BYTES")


def artifact_lines(artifacts: Sequence[PythonOrgArtifact]) -> Iterator[str]:
    """A header line, then a line an artifact, in the order given.

    Columns are aligned with spaces and hold none; only the path, which comes last, may. What is
    not known is `-`. Sizes are exact bytes, times ISO 8601 in UTC.
    """
    return aligned([_HEADER, *map(_cells, artifacts)], right=_BYTES)


def aligned(rows: Sequence[Sequence[str]], *, right: int | None = None) -> Iterator[str]:
    """Rows as lines with aligned columns, two spaces between; the last column is left as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    signs = [">" if index == right else "<" for index in range(len(widths))]
    template = "  ".join(
        f"{{:{sign}{width}}}" if width else "{}" for sign, width in zip(signs, widths, strict=True)
    )
    return (template.format(*row) for row in rows)


def _cells(artifact: PythonOrgArtifact) -> tuple[str, ...]:
    modified = artifact.last_modified
    return (
        version_text(artifact.release_version),
        _word(artifact.release_type),
        _words(attribute_texts(artifact.release_format)),
        "-" if artifact.size is None else str(artifact.size),
        "-" if modified is None else iso_text(modified, "minutes"),
        _words(artifact.related),
        printable(artifact.path),
    )


def _words(texts: Sequence[str]) -> str:
    return ",".join(map(_word, texts)) or "-"


def _word(text: str) -> str:
    return printable(text).replace(" ", "\\x20")
