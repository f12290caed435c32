"""The digests of artifacts, read out of their companions and kept on record.

Here: many artifacts at once, directory by directory. Not here: what the companions of one artifact
say (`digest_readings`), the tables (`digest_records`), and what a download makes of a digest
(`site.verification`).

A bundle is read where there is one; a bill of materials, some hundred times as large, only where
there is none or it is missing. The digest that was recorded first for a path stays in force: one
that differs later is recorded beside it, reported each time, and read again each time, until it
is accepted or the site takes it back.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import NamedTuple

from pyorg_pipeline.catalog.store import DIRECTORIES_FILE, CatalogStore, directory_file
from pyorg_pipeline.downloads.sigstore import EXTRA, can_verify
from pyorg_pipeline.errors import (
    CatalogMissingError,
    CatalogSiteError,
    ExtraMissingError,
    PyorgError,
)
from pyorg_pipeline.refresh.digest_readings import (
    LISTED,
    Artifact,
    artifacts_with_digests,
    is_due,
    read_artifact,
)
from pyorg_pipeline.refresh.digest_records import Row, read_rows, write_rows
from pyorg_pipeline.refresh.digest_report import DirectoryDigests, described
from pyorg_pipeline.refresh.publish import current_crawls
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crowd import check_concurrency, crowd

_logger = logging.getLogger(__name__)


class _Outcome(NamedTuple):
    """What became of one artifact: its new rows, or why there are none."""

    rows: list[Row]
    error: PyorgError | OSError | None


def digests_due(store: CatalogStore, *, verify_signatures: bool | None = None) -> dict[str, int]:
    """How many artifacts of each directory have companions to be read; no request is made.

    Args:
        store: the catalog's.
        verify_signatures: whether bundles would be verified; None: if the extra is installed.
    """
    verify = _verify(verify_signatures)
    site_url = store.facts(DIRECTORIES_FILE)["site_url"]
    counts = {
        directory: sum(
            is_due(artifact, verify=verify) for artifact in _artifacts(store, site_url, directory)
        )
        for directory in current_crawls(store)
    }
    return {directory: count for directory, count in counts.items() if count}


def record_digests(
    store: CatalogStore,
    client: SiteClient,
    directories: Sequence[str] | None = None,
    *,
    concurrency: int,
    verify_signatures: bool | None = None,
    accept: Collection[str] = (),
) -> Generator[DirectoryDigests, None, None]:
    """Read the companions that are due; record and yield what each directory's brought.

    One request a companion, `concurrency` of them at once. An artifact whose companion cannot be
    had keeps what is on record and is due again; it does not hold up the others. When the iterator
    is closed, requests under way are cut off and no thread is left; what was not yielded is not
    on record.

    Args:
        store: the catalog's.
        client: the site's.
        directories: their names, also where nothing is due; None for all where something is.
        concurrency: companions at once, from 1 to 32.
        verify_signatures: None: if the extra `sigstore` is installed.
        accept: paths of artifacts whose digest may change: what is on record of them is forgotten.

    Raises:
        InvalidArgumentError: concurrency is out of its range.
        ExtraMissingError: verify_signatures without the extra.
        CatalogSiteError: the catalog was filled from another site.
    """
    check_concurrency(concurrency)
    verify = _verify(verify_signatures)
    site_url = store.facts(DIRECTORIES_FILE)["site_url"]
    if site_url != client.base_url:
        raise CatalogSiteError(store.location.text, site_url, client.base_url)
    wanted = current_crawls(store) if directories is None else dict.fromkeys(directories)
    return _record(
        store,
        client,
        list(wanted),
        all_of_them=directories is not None,
        concurrency=concurrency,
        verify=verify,
        accept=frozenset(accept),
    )


def _record(
    store: CatalogStore,
    client: SiteClient,
    directories: list[str],
    *,
    all_of_them: bool,
    concurrency: int,
    verify: bool,
    accept: frozenset[str],
) -> Generator[DirectoryDigests, None, None]:
    futures: dict[Future[_Outcome], tuple[str, str]] = {}
    outcomes: dict[str, dict[str, _Outcome]] = {}
    left: dict[str, int] = {}
    with crowd(client, concurrency, "digests") as threads:
        for directory in directories:
            try:
                artifacts = _artifacts(store, client.base_url, directory, accept)
            except PyorgError as error:
                yield DirectoryDigests(directory, error=error)
                continue
            due = [artifact for artifact in artifacts if is_due(artifact, verify=verify)]
            outcomes[directory], left[directory] = {}, len(due)
            if not due and all_of_them:
                yield _recorded(store, client.base_url, directory, {}, accept)
            for artifact in due:
                future = threads.submit(_read, client, artifact, verify, threads.stopped)
                futures[future] = (directory, artifact.path)
        for future in as_completed(futures):
            directory, path = futures[future]
            outcomes[directory][path] = future.result()
            left[directory] -= 1
            if not left[directory]:
                yield _recorded(store, client.base_url, directory, outcomes.pop(directory), accept)


def _verify(wanted: bool | None) -> bool:
    installed = can_verify()
    if wanted and not installed:
        raise ExtraMissingError(EXTRA, "verifying signatures")
    return installed if wanted is None else wanted


def _artifacts(
    store: CatalogStore, site_url: str, directory: str, accept: Collection[str] = ()
) -> list[Artifact]:
    try:
        table, _ = store.read(directory_file(directory), LISTED)
    except CatalogMissingError:
        # Never crawled: nothing is known of its companions.
        return []
    rows = read_rows(store, site_url, directory)
    return artifacts_with_digests(table.to_pylist(), rows, accept)


def _read(client: SiteClient, artifact: Artifact, verify: bool, stopped: Event) -> _Outcome:
    if stopped.is_set():
        return _Outcome([], None)
    try:
        return _Outcome(read_artifact(client, artifact, verify=verify), None)
    except (PyorgError, OSError) as error:
        _logger.debug("%s: %s", artifact.path, error)
        return _Outcome([], error)


def _recorded(
    store: CatalogStore,
    site_url: str,
    directory: str,
    outcomes: dict[str, _Outcome],
    accept: Collection[str],
) -> DirectoryDigests:
    """Put a directory's new rows beside those on record, and say what they are."""
    new = [row for outcome in outcomes.values() for row in outcome.rows]
    size = 0
    try:
        before = read_rows(store, site_url, directory)
        read_again = {row["path"] for row in new} & set(accept)
        rows = {
            (row["path"], row["companion"]): row
            for row in [*(row for row in before if row["path"] not in read_again), *new]
        }
        if new:
            size = write_rows(store, site_url, directory, rows.values(), datetime.now(UTC))
    except PyorgError as error:
        return DirectoryDigests(directory, due=len(outcomes), error=error)
    digests = described(directory, rows, new)
    for conflict in digests.conflicts:
        _logger.error("%s", conflict)
    for path, words in (*digests.unreadable.items(), *digests.rejected.items()):
        _logger.debug("%s%s", path, words)
    return replace(
        digests,
        due=len(outcomes),
        failures={path: str(outcome.error) for path, outcome in outcomes.items() if outcome.error},
        bytes=size,
    )
