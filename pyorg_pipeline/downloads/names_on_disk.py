"""Which names a file may have on disk, whatever a listing says.

The rules are those of all systems at once, so that a name that serves on one serves on the others.
Not here: what a name means (`model.grammar`), and the folder that a file goes to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyorg_pipeline.errors import InvalidArgumentError

#: Bytes in UTF-8: what ext4, XFS, APFS and NTFS hold, and what most others do.
LONGEST_NAME: Final = 255

# Separators on one system or the other, and what NTFS takes for a stream, a drive or a pattern
# (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
_FORBIDDEN: Final = frozenset('/\\<>:"|?*')
# From the same page; the superscript digits count as digits there.
_DEVICES: Final = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"]
    + [f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789\u00b9\u00b2\u00b3"]
)


# What a name may not be, and what is wrong with it then.
_RULES: Final[tuple[tuple[Callable[[str], bool], str], ...]] = (
    (lambda name: not name, "it is empty"),
    # Controls with NUL among them, lone surrogates, and what turns the direction of writing.
    (lambda name: not name.isprintable(), "it holds a character that cannot be shown"),
    (
        lambda name: not _FORBIDDEN.isdisjoint(name),
        f"it holds one of {' '.join(sorted(_FORBIDDEN))}",
    ),
    # `.` and `..` too. The site's server lists no hidden names, and ours start so while we work.
    (lambda name: name.startswith("."), "it starts with a dot"),
    # Windows drops them, which makes it another name.
    (lambda name: name.endswith((".", " ")), "it ends in a dot or a space"),
    (
        lambda name: name.partition(".")[0].rstrip().upper() in _DEVICES,
        "it is a device on Windows",
    ),
    (
        lambda name: len(name.encode(errors="replace")) > LONGEST_NAME,
        f"it is longer than {LONGEST_NAME} bytes",
    ),
)


def checked_name(name: str) -> str:
    """Return the name as it is, if it is nothing but a name.

    Raises:
        InvalidArgumentError: it holds a separator, a control or other unprintable character, or
            one that Windows forbids; it is a device there, with or without an ending (`aux.txt`);
            it starts with a dot, or ends in one or in a space; it is empty or too long.
    """
    for forbids, reason in _RULES:
        if forbids(name):
            raise InvalidArgumentError(
                f"{name[:300]!r} cannot be the name of a file: {reason}; nothing was written. "
                "If the site really lists it, fetch it by hand"
            )
    return name
