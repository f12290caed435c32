"""What a refresh did, for the person or the program that asked for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pyorg_pipeline.errors import DigestsFailedError, DirectoriesFailedError, RefreshError
from pyorg_pipeline.model.text import plural
from pyorg_pipeline.reports.lines import aligned, duration_text, printable

#: More names than these are only counted.
_MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class RefreshSummary:
    """A refresh in numbers and names; `str` of it is what `pyorg refresh` prints."""

    site_url: str
    #: Where the catalog is.
    location: str
    #: When the site generated its root listing, UTC; earlier than the refresh if it was cached.
    listed_at: datetime
    #: The number of release directories that the site lists.
    directories: int
    #: Directories that were read, and why: a value of `Due`.
    crawled: Mapping[str, str]
    #: Directories that the site no longer lists.
    vanished: Sequence[str]
    #: Paths of files that are new, that are no longer listed, or whose size or date changed.
    added: Sequence[str]
    removed: Sequence[str]
    replaced: Sequence[str]
    #: The number of files in the catalog, and of those whose names no rule matches.
    artifacts: int
    unrecognised: int
    #: Directories that have never returned a listing, only some other page.
    hidden: Sequence[str]
    #: Directories that could not be read, and why; their last good tables stay.
    failures: Mapping[str, str]
    #: The number of digests that were read, and of those from a verified signature.
    digests_read: int
    digests_verified: int
    #: Digests that changed while the file's name stayed the same; the first one stays recorded.
    digest_conflicts: Sequence[str]
    #: Artifacts with an invalid companion, and artifacts whose signature did not verify.
    digests_unreadable: Sequence[str]
    digests_rejected: Sequence[str]
    #: Companions that could not be read, by directory.
    digest_failures: Mapping[str, str]
    #: Asset checks that failed, with their descriptions; they are warnings.
    failed_checks: Mapping[str, str]
    #: The newest final release and the newest of any level; None if there is none.
    latest_final: str | None
    latest: str | None
    requests: int
    seconds: float

    @property
    def error(self) -> RefreshError | None:
        """The error to raise after showing the summary; None if everything could be read."""
        if self.failures:
            return DirectoriesFailedError(self.failures)
        return DigestsFailedError(self.digest_failures) if self.digest_failures else None

    def __str__(self) -> str:
        anything = any(
            (
                *(self.added, self.removed, self.replaced, self.vanished, self.failures),
                *(self.digests_read, self.digest_conflicts, self.digest_failures),
                *(self.digests_unreadable, self.digests_rejected, self.failed_checks),
            )
        )
        return "\n".join(self._changes() if anything else self._nothing_new())

    @property
    def _cost(self) -> str:
        return f"{plural(self.requests, 'request')}, {self.seconds:.1f} s"

    @property
    def _latest(self) -> str:
        final = f"{self.latest_final} (final)" if self.latest_final else "no final release"
        return final if self.latest in {self.latest_final, None} else f"{final}, {self.latest}"

    @property
    def _reasons(self) -> str:
        counts = Counter(self.crawled.values())
        return ", ".join(f"{reason} {count}" for reason, count in counts.items())

    def _nothing_new(self) -> Iterator[str]:
        age = duration_text(datetime.now(UTC) - self.listed_at)
        read = f", {len(self.crawled)} of them read again ({self._reasons})" if self.crawled else ""
        yield (
            f"Nothing new: {plural(self.directories, 'release directory')}, "
            f"as listed {age} ago{read} ({self._cost}). Latest: {self._latest}."
        )
        yield from map(_hidden_text, self.hidden)

    def _changes(self) -> Iterator[str]:
        yield f"Refreshed from {self.site_url} ({self._cost})."
        yield from aligned([(f"  {name}", printable(text)) for name, text in self._rows()])

    def _rows(self) -> Iterator[tuple[str, str]]:
        crawled = f", {len(self.crawled)} read ({self._reasons})" if self.crawled else ""
        yield "directories", f"{self.directories}{crawled}"
        for label, names in (
            ("vanished", self.vanished),
            ("added", self.added),
            ("removed", self.removed),
            ("replaced", self.replaced),
        ):
            if names:
                yield label, _names(names)
        unrecognised = plural(self.unrecognised, "file")
        yield "artifacts", f"{self.artifacts:,}, and {unrecognised} unrecognised"
        for name in self.hidden:
            yield "hidden", _hidden_text(name)
        for name, reason in sorted(self.failures.items()):
            yield "failed", f"{name}: {reason}"
        yield from self._digest_rows()
        for name, found in sorted(self.failed_checks.items()):
            yield "warning", f"{name}: {found}"
        yield "latest", self._latest
        yield "catalog", self.location

    def _digest_rows(self) -> Iterator[tuple[str, str]]:
        if self.digests_read:
            signed = f", {self.digests_verified:,} of them with a verified signature"
            yield "digests", f"{self.digests_read:,} read{signed if self.digests_verified else ''}"
        for conflict in self.digest_conflicts:
            yield "conflict", conflict
        if self.digests_unreadable:
            yield "unreadable", f"files about {_names(self.digests_unreadable)}"
        if self.digests_rejected:
            yield "rejected", f"signatures of {_names(self.digests_rejected)}"
        for name, reason in sorted(self.digest_failures.items()):
            yield "failed", f"digests of {name}: {reason}"


def _hidden_text(name: str) -> str:
    return f"{name} answered with a page of its own instead of a listing; asked again later"


def _names(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{len(names):,}"
    return f"{len(names)}: {', '.join(map(printable, names))}"
