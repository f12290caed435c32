"""The digests of artifacts, read out of their companions and recorded.

An artifact's bundle is read, or else its release's manifest, which has the digests of the install
manager's zips; its bill of materials, about a hundred times as large, only without them. The digest
that was recorded first for a path stays in force: one that differs later is recorded beside it as
unconfirmed, reported and read again each time, until a person confirms it or the site takes it
back.

A digest belongs to the size and date that the artifact had when it was recorded. With another date
alone, a companion with the same digest confirms it for the new date: the file has the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pyorg_pipeline.catalog.download_reports import downloaded_digests
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIGESTS_FOLDER,
    DIRECTORIES_FILE,
    CatalogStore,
    digests_file,
    directory_file,
)
from pyorg_pipeline.downloads.sigstore import verify_bundle
from pyorg_pipeline.downloads.verify import verify_manifest
from pyorg_pipeline.errors import (
    ArtifactChoiceError,
    CatalogMissingError,
    PyorgError,
    SiteStatusError,
    VerificationError,
)
from pyorg_pipeline.model.digests import (
    BUNDLE_SUFFIX,
    DIGEST_SOURCES,
    ITSELF,
    MISSING,
    OK,
    REJECTED,
    SIGNERS,
    UNCONFIRMED,
    UNREADABLE,
    CompanionError,
    DigestCompanion,
    Row,
    Signer,
    can_verify,
    companion_digest,
    digest_companions,
    digest_in_force,
    digest_path,
    digest_source,
    due_companions,
)
from pyorg_pipeline.refresh.artifacts import require_site
from pyorg_pipeline.refresh.changes import companions
from pyorg_pipeline.refresh.directories import CrawlState
from pyorg_pipeline.site.client import SiteClient

_LISTED: Final = (
    *("path", "artifact_type", "version", "major", "minor", "size", "last_modified", "removed_at"),
    *("companions", "companion_sizes", "companion_dates"),
)

#: What a row keeps while another digest of its companion is not in force.
_RECORDED: Final = ("sha256", "signed_by", "size", "last_modified")


@dataclass(frozen=True, slots=True)
class DirectoryDigests:
    """The result of reading the companions of one directory's artifacts."""

    directory: str
    #: Why companions are due again; None if all were read.
    error: str | None = None
    #: All recorded rows, one a companion that was ever read, and those that were read now.
    rows: Sequence[Row] = ()
    read: Sequence[Row] = ()
    #: Of the table; 0 if it was not written.
    bytes: int = 0

    def paths(self, state: str) -> list[str]:
        """The artifacts with a companion in that state."""
        return sorted({row["path"] for row in self.rows if row["state"] == state})

    @property
    def recorded(self) -> list[Row]:
        """The digests that were read now."""
        return [row for row in self.read if row["state"] == OK]

    @property
    def verified(self) -> int:
        """How many of them a verified signature covers."""
        return sum(row["signed_by"] is not None for row in self.recorded)

    @property
    def unconfirmed(self) -> list[str]:
        """Each companion whose digest is not that of the recorded file, and what to do."""
        found = (row for row in self.rows if row["state"] == UNCONFIRMED)
        return [_problem(row) for row in found]


#: The content of each manifest, and who signed it, by path.
_Manifests = dict[str, Future[tuple[bytes, str | None]]]


class _DueArtifact(NamedTuple):
    """An artifact with companions to read."""

    path: str
    #: As the site lists it.
    size: int | None
    last_modified: datetime | None
    #: Whose signature is verified; None if no signature is.
    signer: Signer | None
    #: To be read in this order, until one exists.
    companions: Sequence[DigestCompanion]
    #: Its rows by companion, and those that downloads proved.
    recorded: Mapping[str, Row]
    downloaded: Sequence[Row]
    #: Whether a person confirms the digest that is read.
    confirmed: bool


def directories_with_due_digests(store: CatalogStore, state: CrawlState) -> list[str]:
    """The directories with companions to read, sorted by version."""
    return [name for name in state.crawled if _due(store, state.site_url, name)]


def recorded_digests(store: CatalogStore) -> list[Row]:
    """The rows of all readable tables of the catalog's site, by directory."""
    site_url = store.metadata(DIRECTORIES_FILE)["site_url"]
    tables = (
        store.read_or_none(digests_file(name), site_url=site_url)
        for name in sorted(store.directory_metadata(DIGESTS_FOLDER))
    )
    return [row for each in tables if each is not None for row in each.table.to_pylist()]


def require_unconfirmed(store: CatalogStore, paths: Collection[str]) -> None:
    """Raise ArtifactChoiceError if the digest of one of these artifacts is not unconfirmed."""
    published = store.read(CATALOG_FILE, ["path", "sha256_before"]).table.to_pylist()
    found = {row["path"] for row in published if row.get("sha256_before") is not None}
    found |= {row["path"] for row in recorded_digests(store) if row["state"] == UNCONFIRMED}
    if unknown := [path for path in paths if path not in found]:
        raise ArtifactChoiceError(
            f"{unknown[0]} has nothing to confirm: no other digest than the recorded one is known; "
            "`pyorg refresh --digests` reads the current ones"
        )


def record_digests(
    store: CatalogStore,
    client: SiteClient,
    directories: Sequence[str],
    *,
    confirm: Collection[str] = (),
) -> Generator[DirectoryDigests, None, None]:
    """Read the companions that are due; record and yield the result of each directory.

    One request a companion. An artifact whose companion cannot be fetched keeps its digest and is
    due again. The paths in `confirm` are artifacts whose new digests a person confirms; without a
    companion, such an artifact no longer has a digest. Closing the iterator cancels the requests in
    flight; what was not yielded is not recorded.
    """
    require_site(store, client)
    downloaded = downloaded_digests(store, client.base_url)
    with client.thread_pool() as executor:
        started: dict[str, dict[str, Future[list[Row]]]] = {}
        manifests: _Manifests = {}
        for directory in dict.fromkeys(directories):
            try:
                due = _due(store, client.base_url, directory, confirm, downloaded)
            except PyorgError as error:
                yield DirectoryDigests(directory, str(error))
                continue
            for path, signer in _manifests(due).items():
                # Threads take these first, so that no artifact's waits for one that cannot start.
                manifests[path] = executor.submit(_read_manifest, client, path, signer)
            started[directory] = {
                one.path: executor.submit(_read, client, one, manifests) for one in due
            }
        for directory, reads in started.items():
            yield _record(store, client.base_url, directory, reads, confirm)


def _due(
    store: CatalogStore,
    site_url: str,
    directory: str,
    confirm: Collection[str] = (),
    downloaded: Mapping[str, Sequence[Row]] | None = None,
) -> list[_DueArtifact]:
    try:
        table = store.read(directory_file(directory), _LISTED).table
    except CatalogMissingError:
        return []
    recorded: dict[str, dict[str, Row]] = {}
    for row in _recorded(store, site_url, directory):
        recorded.setdefault(row["path"], {})[row["companion"]] = row
    verify, found = can_verify(), []
    by_path = {row["path"]: row for row in table.filter(table["removed_at"].is_null()).to_pylist()}
    for path, listed in by_path.items():
        size, last_modified = listed["size"], listed["last_modified"]
        due: Sequence[DigestCompanion] = list(_companions(listed, by_path))
        signer = SIGNERS.get((listed["major"], listed["minor"])) if verify else None
        rows, confirmed = recorded.get(path, {}), path in confirm
        if not confirmed:
            due = due_companions(listed, due, rows, verify=signer is not None)
        if due or confirmed:
            known = (downloaded or {}).get(path, ())
            found.append(
                _DueArtifact(path, size, last_modified, signer, due, rows, known, confirmed)
            )
    return found


def _companions(listed: Row, by_path: Mapping[str, Row]) -> Iterator[DigestCompanion]:
    """What may have the digest of an artifact in the listing, the strongest first."""
    path = listed["path"]
    own = {each[0]: each for each in companions(listed)}
    for name in digest_companions(listed["artifact_type"], path, listed["version"], own):
        if name in own:
            yield DigestCompanion(*own[name], signed=name == BUNDLE_SUFFIX)
        elif manifest := by_path.get(digest_path(path, name)):
            signed = BUNDLE_SUFFIX in manifest["companions"]
            yield DigestCompanion(name, manifest["size"], manifest["last_modified"], signed=signed)


def _manifests(due: Iterable[_DueArtifact]) -> dict[str, Signer | None]:
    """The paths of manifests to read, and whose signature of each is verified."""
    return {
        digest_path(artifact.path, one.companion): artifact.signer if one.signed else None
        for artifact in due
        for one in artifact.companions
        if one.companion not in DIGEST_SOURCES
    }


def _read_manifest(
    client: SiteClient, path: str, signer: Signer | None
) -> tuple[bytes, str | None]:
    content = client.get(path).content
    if signer is None or not verify_manifest(client, path, content, signer):
        return content, None
    return content, signer.identity


def _problem(row: Row) -> str:
    return f"{digest_path(row['path'], row['companion'])}: {row['error']}"


def _recorded(store: CatalogStore, site_url: str, directory: str) -> list[Row]:
    """A directory's recorded rows.

    An unreadable table is an error, never an empty one: later digests are compared with it.
    """
    try:
        table, metadata = store.read(digests_file(directory))
    except CatalogMissingError:
        return []
    return list(table.to_pylist()) if metadata["site_url"] == site_url else []


def _read(client: SiteClient, artifact: _DueArtifact, manifests: _Manifests) -> list[Row]:
    """Read the first of the companions that exists; returns the new rows."""
    rows: list[Row] = []
    if not artifact.companions:
        # It is confirmed that the file has no digest, neither that of the one before.
        listed = {"size": artifact.size, "last_modified": artifact.last_modified}
        row = {"path": artifact.path, "companion": ITSELF, "state": MISSING, "sha256": None}
        rows.append({**row, **listed, "signed_by": None, "checked_at": datetime.now(UTC)})
    for companion in artifact.companions:
        rows.append(_read_companion(client, artifact, companion, manifests))
        if rows[-1]["state"] != MISSING:
            break
    return rows


def _read_companion(
    client: SiteClient,
    artifact: _DueArtifact,
    companion: DigestCompanion,
    manifests: _Manifests,
) -> Row:
    name, size, last_modified, _ = companion
    source, before = digest_path(artifact.path, name), artifact.recorded.get(name, {})
    row: Row = {
        "path": artifact.path,
        "companion": name,
        # As long as no other is read.
        **{name: None if artifact.confirmed else before.get(name) for name in _RECORDED},
        "digest_source": digest_source(name),
        "conflicting_sha256": None,
        "error": None,
        "companion_size": size,
        "companion_last_modified": last_modified,
        "checked_at": datetime.now(UTC),
    }
    content, signed_by = b"", None
    try:
        if source in manifests:
            content, signed_by = manifests[source].result()
        else:
            content = client.get(source).content
        sha256 = companion_digest(name, content, artifact.path)
        if sha256 is None:
            return {**row, "state": MISSING}
        if name == BUNDLE_SUFFIX and artifact.signer is not None:
            signed_by, issuer = artifact.signer
            verify_bundle(content, sha256, identity=signed_by, issuer=issuer, name=source)
    except SiteStatusError as error:
        if not error.is_absent:
            raise
        return {**row, "state": MISSING}
    except CompanionError as error:
        # The size of what was received: an error page of a proxy has another one than the listed
        # companion, which is then due again.
        found = {"state": UNREADABLE, "error": error.reason, "companion_size": len(content)}
        return row | found
    except VerificationError as error:
        return {**row, "state": REJECTED, "error": f"{error.what} {error.actual}"}
    return _compared(row, artifact, sha256, signed_by)


def _compared(row: Row, artifact: _DueArtifact, sha256: str, signed_by: str | None) -> Row:
    """Return the row of a companion with its digest, which the one in force may contradict."""
    before = artifact.recorded.get(row["companion"], {})
    listed = {"size": artifact.size, "last_modified": artifact.last_modified}
    known = [*artifact.recorded.values(), *artifact.downloaded]
    in_force = digest_in_force(known, listed)
    first = in_force and in_force["sha256"]
    if in_force and first not in (None, sha256) and not artifact.confirmed:
        signed = f"signed by {signed_by}" if signed_by else "unsigned"
        text = (
            f"it has SHA-256 {sha256}, {signed}, but {first} was recorded first, from "
            f"{in_force['digest_source']}, and is not replaced. The file was replaced under its "
            "name, or somebody tampered with it: "
            f"if python.org announced it, `pyorg confirm {artifact.path}` confirms the new digest"
        )
        return {**row, "state": UNCONFIRMED, "conflicting_sha256": sha256, "error": text}
    if in_force and first == sha256:
        size = in_force.get("size")
        if None not in (size, artifact.size) and size != artifact.size:
            text = (
                f"it has the SHA-256 of the file of {size:,} bytes that the site replaced by one "
                f"of {artifact.size:,} bytes; refresh the catalog again later"
            )
            return {**row, "state": UNCONFIRMED, "error": text}
    if before.get("sha256") == sha256:
        # It was verified before, even if it was not now.
        signed_by = signed_by or before["signed_by"]
    return {**row, **listed, "state": OK, "sha256": sha256, "signed_by": signed_by}


def _record(
    store: CatalogStore,
    site_url: str,
    directory: str,
    reads: Mapping[str, Future[list[Row]]],
    confirm: Collection[str],
) -> DirectoryDigests:
    """Wait for a directory's new rows, and add them to its table."""
    read: list[Row] = []
    failures, confirmed = [], set()
    for path, future in reads.items():
        try:
            found = future.result()
        except (PyorgError, OSError) as error:
            failures.append(f"{path}: {error}")
            continue
        if path in confirm:
            if failed := [row for row in found if row["state"] not in {OK, MISSING}]:
                failures.append(_problem(failed[0]))
                continue
            confirmed.add(path)
        read += found
    size = 0
    try:
        before = _recorded(store, site_url, directory)
        kept = [row for row in before if row["path"] not in confirmed]
        by_key = {(row["path"], row["companion"]): row for row in (*kept, *read)}
        rows = [by_key[key] for key in sorted(by_key)]
        if rows != before:
            metadata = {"site_url": site_url, "recorded_at": datetime.now(UTC)}
            size = store.write(digests_file(directory), rows, metadata)
    except PyorgError as error:
        return DirectoryDigests(directory, str(error))
    return DirectoryDigests(directory, "; ".join(failures) or None, rows, read, size)
