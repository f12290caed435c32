"""The results of a refresh and of the download job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pyorg_pipeline.catalog.download_reports import failures_error
from pyorg_pipeline.errors import (
    DigestsFailedError,
    DirectoriesFailedError,
    DownloadsFailedError,
    RefreshError,
)
from pyorg_pipeline.model.text import plural
from pyorg_pipeline.reports.lines import aligned, duration_text, printable

#: Longer lists of names are only counted.
_MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True, repr=False)
class RefreshSummary:
    """A refresh in numbers and names; `str` of it is what `pyorg refresh` prints."""

    site_url: str
    #: Where the catalog is.
    location: str
    #: When the site generated its root listing, UTC; earlier than the refresh if cached.
    listed_at: datetime
    #: The number of release directories that the site lists.
    directories: int
    #: The directories that were read, each with a value of `Due`.
    crawled: Mapping[str, str]
    #: Directories that the site no longer lists.
    vanished: Sequence[str]
    #: Paths of files that are new, that are no longer listed, or whose size or date changed.
    added: Sequence[str]
    removed: Sequence[str]
    replaced: Sequence[str]
    #: The number of files in the catalog, and the number of unrecognised ones.
    artifacts: int
    unrecognised: int
    #: Directories that have never returned a listing, only other pages.
    hidden: Sequence[str]
    #: The reason for each directory that could not be read; its last good table is kept.
    failures: Mapping[str, str]
    #: The number of digests that were read, and the number with a verified signature.
    digests_read: int
    digests_verified: int
    #: Digests that changed although the file's name did not, until a person confirms them.
    digests_unconfirmed: Sequence[str]
    #: Artifacts with an invalid companion, and artifacts whose signature did not verify.
    digests_unreadable: Sequence[str]
    digests_rejected: Sequence[str]
    #: Companions that could not be read, by directory.
    digest_failures: Mapping[str, str]
    #: The number of the install manager's files; None if they were not listed.
    install_manager: int | None
    #: Asset checks that failed, with their descriptions; they are warnings.
    failed_checks: Mapping[str, str]
    #: The newest final release and the newest of any level; None without a release.
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

    @property
    def warnings(self) -> list[str]:
        """What is wrong although everything could be read, a line each."""
        rejected = (f"{path}: its signature did not verify" for path in self.digests_rejected)
        checks = (f"{name}: {found}" for name, found in sorted(self.failed_checks.items()))
        return [*self.digests_unconfirmed, *rejected, *checks]

    def __repr__(self) -> str:
        first, *_ = str(self).splitlines()
        return f"{type(self).__name__}({first!r})"

    def __str__(self) -> str:
        counts = Counter(self.crawled.values())
        reasons = ", ".join(f"{reason} {count}" for reason, count in counts.items())
        cost = f"{plural(self.requests, 'request')}, {self.seconds:.1f} s"
        final = f"{self.latest_final} (final)" if self.latest_final else "no final release"
        latest = final if self.latest in {self.latest_final, None} else f"{final}, {self.latest}"
        page = "returned another page instead of a listing; a later refresh tries again"
        hidden = [f"{printable(name)} {page}" for name in self.hidden]
        news = list(self._news())
        if not news:
            age = duration_text(datetime.now(UTC) - self.listed_at)
            read = f", {len(self.crawled)} of them read again ({reasons})" if self.crawled else ""
            listed = f"{plural(self.directories, 'release directory')}, as listed {age} ago{read}"
            return "\n".join([f"Nothing new: {listed} ({cost}). Latest: {latest}.", *hidden])
        read = f", {len(self.crawled)} read ({reasons})" if self.crawled else ""
        unrecognised = plural(self.unrecognised, "file")
        rows = [
            ("directories", f"{self.directories}{read}"),
            *news,
            ("artifacts", f"{self.artifacts:,}, and {unrecognised} unrecognised"),
            *(("hidden", text) for text in hidden),
            ("latest", latest),
            ("catalog", self.location),
        ]
        lines = aligned([(f"  {label}", printable(text)) for label, text in rows])
        return "\n".join([f"Refreshed from {self.site_url} ({cost}).", *lines])

    def _news(self) -> Iterator[tuple[str, str]]:
        """Yield changes and failures, with labels; nothing if the catalog was up to date."""
        for label, names, text in (
            ("vanished", self.vanished, ""),
            ("added", self.added, ""),
            ("removed", self.removed, ""),
            ("replaced", self.replaced, ""),
            ("unreadable", self.digests_unreadable, "files about "),
            ("rejected", self.digests_rejected, "signatures of "),
        ):
            if len(names) > _MOST_NAMES:
                yield label, f"{text}{len(names):,}"
            elif names:
                yield label, f"{text}{len(names)}: {', '.join(names)}"
        if self.digests_read:
            signed = f", {self.digests_verified:,} of them with a verified signature"
            yield "digests", f"{self.digests_read:,} read{signed if self.digests_verified else ''}"
        if self.install_manager is not None:
            yield "install manager", plural(self.install_manager, "file")
        for problem in self.digests_unconfirmed:
            yield "unconfirmed", problem
        for name, reason in sorted(self.failures.items()):
            yield "failed", f"{name}: {reason}"
        for name, reason in sorted(self.digest_failures.items()):
            yield "failed", f"digests of {name}: {reason}"
        for name, found in sorted(self.failed_checks.items()):
            yield "warning", f"{name}: {found}"


@dataclass(frozen=True, slots=True)
class DownloadSummary:
    """The downloads of a run of the job; `str` of it has the path or URL of each file."""

    run_id: str
    #: The location of its report.
    report: str
    #: The rows of the report.
    outcomes: Sequence[Mapping[str, Any]]

    @property
    def error(self) -> DownloadsFailedError | None:
        """The error to raise after showing the summary; None if nothing failed."""
        return failures_error(self.outcomes)

    def __str__(self) -> str:
        return "\n".join(row["destination"] for row in self.outcomes if row["destination"])
