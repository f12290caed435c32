"""Text for messages and tables."""

from __future__ import annotations

from collections.abc import Iterable


def shortened(texts: Iterable[str], most: int = 3, separator: str = ", ") -> str:
    """The first texts joined, and how many are left out: `a, b, c and 4 more`."""
    every = list(texts)
    rest = len(every) - most
    return separator.join(every[:most]) + (f" and {rest} more" if rest > 0 else "")
