"""What the steps of a refresh in this process brought, as they go.

Dagster hands no objects from its assets to the program that runs them; a refresh that has
someone waiting in front of it listens here instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from pyorg_pipeline.catalog.store import StoredTable
from pyorg_pipeline.refresh.artifacts import DirectoryCrawl
from pyorg_pipeline.refresh.digests import DirectoryDigests
from pyorg_pipeline.refresh.directories import DirectoriesUpdate


@dataclass(slots=True)
class Watch:
    """The results of the steps so far; `on_crawl` is called as each directory is done."""

    requests: int = 0
    directories: DirectoriesUpdate | None = None
    #: How many directories are to be crawled.
    wanted: int = 0
    crawls: list[DirectoryCrawl] = field(default_factory=list)
    digests: list[DirectoryDigests] = field(default_factory=list)
    publication: StoredTable | None = None
    on_crawl: Callable[[Watch], None] | None = None

    def crawled(self, done: DirectoryCrawl) -> None:
        """Take one more directory."""
        self.crawls.append(done)
        if self.on_crawl is not None:
            self.on_crawl(self)


_current: ContextVar[Watch | None] = ContextVar("watch", default=None)


def current_watch() -> Watch:
    """The watch of the refresh around this call; one that nobody looks at where there is none."""
    return _current.get() or Watch()


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Let the steps inside report to this watch."""
    token = _current.set(watch)
    try:
        yield watch
    finally:
        _current.reset(token)
