"""What a refresh did, for the person or the program that asked for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import CATALOG_FILE, DIRECTORIES_FILE, LATEST_FILE, CatalogStore
from pyorg_pipeline.errors import DigestsFailedError, DirectoriesFailedError, RefreshError
from pyorg_pipeline.reports.lines import aligned, duration_text, plural, printable
from pyorg_pipeline.runs import Refresh
from pyorg_pipeline.settings import Settings

#: More names than these are counted only.
_MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class RefreshSummary:
    """A refresh in numbers and names; `str` of it is what `pyorg refresh` prints."""

    site_url: str
    #: Where the catalog lies.
    location: str
    #: When the site had made its root listing, UTC: earlier than the refresh if from a cache.
    listed_at: datetime
    #: Release directories that the site lists.
    directories: int
    #: Directories that were read, and why: new, changed, racy, failed, hidden or full.
    crawled: Mapping[str, str]
    #: Directories that the site lists no longer.
    vanished: Sequence[str]
    #: Paths of files that were not there before, are there no longer, or have another size or date.
    added: Sequence[str]
    removed: Sequence[str]
    replaced: Sequence[str]
    #: Files that the catalog holds, and those of them whose names no rule knows.
    artifacts: int
    unrecognised: int
    #: Directories that never gave a listing and answered with a page of their own.
    hidden: Sequence[str]
    #: Directories that could not be read, and why; they keep their last good tables.
    failures: Mapping[str, str]
    #: Digests that were read, and how many of them out of signatures that were verified.
    digests_read: int
    digests_verified: int
    #: Digests that changed under the same name, in words; the one that was recorded first stays.
    digest_conflicts: Sequence[str]
    #: Artifacts whose companions cannot be read as such, and those whose signatures do not verify.
    digests_unreadable: Sequence[str]
    digests_rejected: Sequence[str]
    #: Files about artifacts that could not be had, by directory.
    digest_failures: Mapping[str, str]
    #: Checks of the published tables that did not hold, with what was found; no error.
    failed_checks: Mapping[str, str]
    #: The newest final release, and the newest of any level; None where there is none.
    latest_final: str | None
    latest: str | None
    requests: int
    seconds: float

    @classmethod
    def of(cls, refresh: Refresh, settings: Settings, seconds: float) -> Self:
        """The summary of a refresh that took so many seconds."""
        watch = refresh.watch
        # As the directories were listed, whichever was done first.
        order = {name: place for place, name in enumerate(refresh.due)}
        crawls = sorted(watch.crawls, key=lambda crawl: order[crawl.directory])
        store = CatalogStore(open_location(settings.catalog_url))
        listed = store.metadata(DIRECTORIES_FILE)
        published = store.metadata_or_none(CATALOG_FILE) or {"artifacts": 0, "unrecognised": 0}
        latest = {
            row["final_only"]: row["version"]
            for row in store.rows(LATEST_FILE)
            if row["series"] is None
        }
        update = watch.directories
        return cls(
            site_url=settings.site_url,
            location=store.location.text,
            listed_at=listed["generated_at"],
            directories=0 if update is None else len(update.present),
            crawled={name: str(reason) for name, reason in refresh.due.items()},
            vanished=() if update is None else update.vanished,
            added=[path for crawl in crawls for path in crawl.added],
            removed=[path for crawl in crawls for path in crawl.removed],
            replaced=[path for crawl in crawls for path in crawl.replaced],
            artifacts=published["artifacts"],
            unrecognised=published["unrecognised"],
            hidden=[crawl.directory for crawl in crawls if crawl.hidden],
            failures=dict(refresh.failures),
            digests_read=sum(done.recorded for done in watch.digests),
            digests_verified=sum(done.verified for done in watch.digests),
            digest_conflicts=[str(one) for done in watch.digests for one in done.conflicts],
            digests_unreadable=sorted(path for done in watch.digests for path in done.unreadable),
            digests_rejected=sorted(path for done in watch.digests for path in done.rejected),
            digest_failures=dict(refresh.digest_failures),
            failed_checks=dict(refresh.failed_checks),
            latest_final=latest.get(True),
            latest=latest.get(False),
            requests=watch.requests,
            seconds=round(seconds, 3),
        )

    @property
    def error(self) -> RefreshError | None:
        """What is to be raised once this was shown; None where all went well."""
        if self.failures:
            return DirectoriesFailedError(self.failures)
        return DigestsFailedError(self.digest_failures) if self.digest_failures else None

    def __str__(self) -> str:
        changed = (self.added, self.removed, self.replaced, self.vanished, self.failures)
        digests = (self.digests_read, self.digest_conflicts, self.digest_failures)
        unusable = (self.digests_unreadable, self.digests_rejected)
        told = any((*changed, *digests, *unusable, self.failed_checks))
        return "\n".join(self._changes() if told else self._nothing_new())

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
        for name in self.hidden:
            yield _hidden_text(name)

    def _changes(self) -> Iterator[str]:
        yield f"Refreshed from {self.site_url} ({self._cost})."
        crawled = f", {len(self.crawled)} read ({self._reasons})" if self.crawled else ""
        rows = [("directories", f"{self.directories}{crawled}")]
        if self.vanished:
            rows.append(("vanished", _names(self.vanished)))
        rows += [
            (what, _names(paths))
            for what, paths in (
                ("added", self.added),
                ("removed", self.removed),
                ("replaced", self.replaced),
            )
            if paths
        ]
        rows += [
            (
                "artifacts",
                f"{self.artifacts:,}, and {plural(self.unrecognised, 'file')} unrecognised",
            ),
            *(("hidden", _hidden_text(name)) for name in self.hidden),
            *(
                ("failed", printable(f"{name}: {reason}"))
                for name, reason in sorted(self.failures.items())
            ),
            *self._digests(),
            *(
                ("warning", printable(f"{name}: {found}"))
                for name, found in sorted(self.failed_checks.items())
            ),
            ("latest", self._latest),
            ("catalog", self.location),
        ]
        yield from aligned([(f"  {name}", text) for name, text in rows])

    def _digests(self) -> Iterator[tuple[str, str]]:
        if self.digests_read:
            verified = f", {self.digests_verified:,} of them with a verified signature"
            yield (
                "digests",
                f"{self.digests_read:,} read{verified if self.digests_verified else ''}",
            )
        for conflict in self.digest_conflicts:
            yield "conflict", printable(conflict)
        if self.digests_unreadable:
            yield "unreadable", f"files about {_names(self.digests_unreadable)}"
        if self.digests_rejected:
            yield "rejected", f"signatures of {_names(self.digests_rejected)}"
        for name, reason in sorted(self.digest_failures.items()):
            yield "failed", printable(f"digests of {name}: {reason}")


def _hidden_text(name: str) -> str:
    return f"{name} answered with a page of its own instead of a listing; asked again later"


def _names(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{len(names):,}"
    return f"{len(names)}: {', '.join(map(printable, names))}"
