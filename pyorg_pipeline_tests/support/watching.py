"""What a file holds at every line of code that runs, which is what a kill there would leave."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any


@contextmanager
def sizes_at_every_line(path: Path) -> Iterator[set[int | None]]:
    """Collect the sizes that a file has while this thread runs; None while it does not exist."""
    sizes: set[int | None] = set()

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        del frame, event, argument
        sizes.add(path.stat().st_size if path.exists() else None)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield sizes
    finally:
        sys.settrace(before)
