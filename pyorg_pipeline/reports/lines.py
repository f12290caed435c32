"""Results of commands as lines, and the texts of sizes, times and counts."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, Final

from pyorg_pipeline.model.catalog import REPLACED, VANISHED, CatalogChange, CatalogInfo
from pyorg_pipeline.model.downloads import FolderVerification
from pyorg_pipeline.model.text import iso_text, plural

#: Units of a duration, with their seconds.
_TIME_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"))


def printable(text: str) -> str:
    """Return a text with control characters escaped as in Python's source.

    File names come from the site, and a terminal would execute an escape sequence in one.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def is_quiet() -> bool:
    """Whether notices and progress are off: the package's logger takes only warnings."""
    return logging.getLogger("pyorg_pipeline").level >= logging.WARNING


def size_text(size: int | None) -> str:
    """Return a size with one decimal, in powers of 1000; `-` if it is unknown."""
    from rich.filesize import decimal  # noqa: PLC0415  # most queries print no sizes

    return "-" if size is None else decimal(size)


def duration_text(duration: timedelta) -> str:
    """Return a duration in its largest unit: `3 s`, `2 hours`, `1 day`."""
    seconds = max(0, round(duration.total_seconds()))
    for length, unit in _TIME_UNITS:
        if seconds >= length:
            return plural(seconds // length, unit)
    return f"{seconds} s"


def time_text(time: datetime) -> str:
    """Return a time in UTC to the second."""
    # strftime writes the year 1 as `1`.
    return f"{time.replace(tzinfo=None).isoformat(' ', 'seconds')} UTC"


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """Yield rows as lines with aligned columns, those in `right` to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1:] = [0]
    for row in rows:
        yield "  ".join(
            text.rjust(width) if index in right else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        )


def result_text(result: Any) -> str:
    """Return a command's result for people: a line an item, or an object's names and values."""
    if result is None or isinstance(result, str):
        return result or ""
    # Exactly these types: a version is a tuple, too, but one item.
    items = result if type(result) in {list, tuple} else [result]
    return "".join(f"{line}\n" for item in items for line in _lines(item))


def _lines(result: object) -> Iterable[str]:
    if isinstance(result, CatalogChange):
        return [_change_line(result)]
    if isinstance(result, CatalogInfo):
        values = [(field.name, getattr(result, field.name)) for field in fields(result)]
        labels = {"releases": "releases, all levels"}
        return aligned(
            [(labels.get(name, name.replace("_", " ")), _value(value)) for name, value in values]
        )
    if isinstance(result, FolderVerification):
        return map(printable, result.lines)
    if isinstance(result, PathLike):
        return [printable(str(result))]
    return str(result).splitlines()


def _change_line(change: CatalogChange) -> str:
    def state(size: int | None, modified: datetime | None) -> str:
        date = "-" if modified is None else iso_text(modified, "minutes")
        return f"{'-' if size is None else size} bytes, {date}"

    before = state(change.size_before, change.last_modified_before)
    now = state(change.size, change.last_modified)
    text = {VANISHED: before, REPLACED: f"{before} -> {now}"}.get(change.change, now)
    seen = iso_text(change.seen_at, "milliseconds")
    return f"{seen}  {change.change}  {printable(change.path)}  ({text})"


def _value(value: Any) -> str:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        value = "; ".join(f"{name}: {reason}" for name, reason in value.items()) or "none"
    return printable(str(value))
