"""Sizes, times and foreign text, as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pyorg_pipeline.model.versions import NormalizedPythonVersion

#: Powers of 1000, as the SI has them and disks are sold.
_SIZE_UNITS: Final = ("kB", "MB", "GB", "TB")
#: Seconds in each, and the longest age that is told in it.
_AGE_UNITS: Final = ((60, "minute"), (3600, "hour"), (86400, "day"))


def printable(text: str) -> str:
    """Text that cannot steer a terminal: what is not printable is written as in Python source.

    File names come from the site, and an escape sequence in one would be obeyed.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def size_text(size: int | None) -> str:
    """Bytes with one decimal, in powers of 1000; `-` where they are not known."""
    if size is None:
        return "-"
    if size < 1000:
        return f"{size} B"
    power = 1
    # What would be rounded up to 1000.0 belongs to the next unit.
    while power < len(_SIZE_UNITS) and size / 1000**power >= 999.95:
        power += 1
    return f"{size / 1000**power:.1f} {_SIZE_UNITS[power - 1]}"


def duration_text(duration: timedelta) -> str:
    """A time span in its largest unit: `3 s`, `2 hours`, `1 day`."""
    seconds = max(0, round(duration.total_seconds()))
    text = f"{seconds} s"
    for length, unit in _AGE_UNITS:
        if seconds >= length:
            count = seconds // length
            text = f"{count} {unit}{'s' * (count != 1)}"
    return text


def time_text(time: datetime) -> str:
    """A time in UTC to the second."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def iso_text(time: datetime, timespec: str = "seconds") -> str:
    """A time in UTC as ISO 8601, with the Z that jq and JavaScript want."""
    return time.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def version_text(version: NormalizedPythonVersion | None) -> str:
    """A version in PEP 440's spelling; `-` where there is none."""
    return "-" if version is None else version.text


def plural(count: int, noun: str) -> str:
    """A count and its noun: `1 request`, `2,500 requests`, `3 directories`."""
    if count != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun}"


def attribute_texts(attributes: dict[str, str | bool]) -> list[str]:
    """What a name tells beside version and type; a flag by its own name."""
    return [name if value is True else printable(str(value)) for name, value in attributes.items()]
