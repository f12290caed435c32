"""The tables' columns and their descriptions, which the Dagster UI shows. Times are UTC."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import pyarrow as pa

from pyorg_pipeline.model.artifacts import ATTRIBUTES
from pyorg_pipeline.model.releases import FAMILIES

TIME: Final = pa.timestamp("ms", tz="UTC")
TEXT: Final = pa.string()
TEXTS: Final = pa.list_(TEXT)


def _field(name: str, kind: Any, description: str, *, nullable: bool = True) -> Any:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


#: A column without nulls.
_required = partial(_field, nullable=False)

_NUMBERS: Final = [
    _field("major", pa.int32(), "first number of the version; null in src/ without a version"),
    _field("minor", pa.int32(), "second number of the version"),
    _field("micro", pa.int32(), "third number of the version, 0 where the name has none"),
]

_VERSION: Final = [
    *_NUMBERS,
    _field("releaselevel", TEXT, "alpha, beta, candidate or final; null if unrecognised"),
    _field("serial", pa.int32(), "number behind the release level, 0 for finals"),
    _field("version", TEXT, "the version in PEP 440's spelling, such as 3.15.0rc1"),
]

_ATTRIBUTE_DESCRIPTIONS: Final = {
    "format": "packing: tarball_lzma, tarball_deflate, installer_package, executable, ...",
    "arch": "processor architecture: amd64, arm64, win32, ia64, x86_64, ...; of macOS packages "
    "also universal2 (arm64, x86_64), intel (i386, x86_64), fat (i386, ppc) and fat3 (all three)",
    "min_macos": "macOS in the name: 11 for universal2 builds of any age, a date in some old names",
    "oldest_macos": "oldest macOS that it runs on, such as 10.13; null if unknown",
    "options": "build options in the name, such as no-lto",
    "revision": "revision in the name",
    "post_build": "rebuild of the same version, such as post2",
    "debug": "debug build",
    "free_threaded": "build without the global interpreter lock",
    "embed": "embeddable package",
    "webinstall": "installer that fetches its parts while it runs",
    "test": "the test suite's package",
    "pdb": "debug symbols",
    "package": "part that a package manager's file holds, such as devel",
    "superseded": "replaced by a later file and kept under a name that says so",
    "misplaced": "in the directory of another version, so that it does not count as released",
}

_ATTRIBUTES: Final = [
    _field(name, pa.bool_() if kind is bool else TEXT, _ATTRIBUTE_DESCRIPTIONS[name])
    for name, kind in ATTRIBUTES.items()
]

_ARTIFACT: Final = [
    _required("path", TEXT, "below the site's root, such as 3.13.9/x.tgz"),
    _required("name", TEXT, "the file's own name"),
    _required("directory", TEXT, "the release directory it is in"),
    *_VERSION,
    _required("artifact_type", TEXT, "source-release, ..., or unrecognised"),
    *_ATTRIBUTES,
    _field("size", pa.int64(), "bytes; null where the listing shows no exact size"),
    _field("last_modified", TIME, "as the site lists it, to the minute"),
    _required("companions", TEXTS, "suffixes of the files about it"),
    _required("crawled_at", TIME, "when its directory was last crawled"),
    _field("directory_last_modified", TIME, "its directory's date in the root listing then"),
]

_COMPANION_SIZES: Final = _field(
    "companion_sizes", pa.list_(pa.int64()), "bytes of each, in companions' order"
)

RELEASE_DIRECTORIES: Final = pa.schema(
    [
        _required("name", TEXT, "the directory's name, such as 3.13.9 or src"),
        *_NUMBERS,
        _field("last_modified", TIME, "the directory's date in the root listing"),
        _required("first_seen", TIME, "when a refresh saw it first"),
        _field("removed_at", TIME, "when a refresh first found it removed; null while it exists"),
    ]
)

RELEASE_ARTIFACTS: Final = pa.schema(
    [
        *_ARTIFACT,
        _COMPANION_SIZES,
        _field("companion_dates", pa.list_(TIME), "date of each as the site lists it, likewise"),
        _field("removed_at", TIME, "when a crawl first found it removed; null while it exists"),
    ]
)

_DIGEST: Final = [
    _field("sha256", TEXT, "digest in hexadecimal; null if none was recorded"),
    _field("digest_source", TEXT, "sigstore, manifest, spdx for a bill of materials, or download"),
    _field("signed_by", TEXT, "whose signature of it was verified; null if none was"),
]

ARTIFACT_CATALOG: Final = pa.schema(
    [
        *_ARTIFACT,
        *_DIGEST,
        _field(
            "sha256_before",
            TEXT,
            "of the file that this one replaced, while sha256 is null because its own digest is "
            "unconfirmed; else null",
        ),
        _COMPANION_SIZES,
    ]
)

ARTIFACT_DIGESTS: Final = pa.schema(
    [
        _required("path", TEXT, "the artifact's, as in release_artifacts"),
        _required(
            "companion",
            TEXT,
            "suffix of the file that was read, or the manifest's name; empty if there is none",
        ),
        *_DIGEST,
        _required(
            "state",
            TEXT,
            "ok; missing: 404, or a manifest without it; unreadable: not such a file; rejected: "
            "its signature did not verify; unconfirmed: it has another digest than the recorded "
            "one, or the site replaced the artifact without it",
        ),
        _field("conflicting_sha256", TEXT, "another digest that it has; not used until confirmed"),
        _field("error", TEXT, "what was wrong; null where it is ok or missing"),
        _field("size", pa.int64(), "the artifact's listed bytes when sha256 was recorded"),
        _field("last_modified", TIME, "the artifact's date in the listing then"),
        _field(
            "companion_size",
            pa.int64(),
            "its listed bytes when read; the received ones if unreadable",
        ),
        _field("companion_last_modified", TIME, "its date in the listing when it was read"),
        _required("checked_at", TIME, "when it was read"),
    ]
)

LATEST_VERSION: Final = pa.schema(
    [
        _field("series", TEXT, "such as 3.13; null for the newest of all series"),
        _required("final_only", pa.bool_(), "newest final, or newest of any level"),
        *_VERSION,
        _field("source_path", TEXT, "its best source tarball; null if it has none"),
        _field("source_size", pa.int64(), "that tarball's bytes"),
        _field("source_last_modified", TIME, "that tarball's date as the site lists it"),
    ]
)

_FAMILY_DESCRIPTIONS: Final = {
    "source": "source archives",
    "windows": "installers or embeddable packages for Windows",
    "install_manager": "zips of the install manager for Windows, or the manifest that names them",
    "macos": "installers for macOS",
    "android": "archives for Android",
    "ios": "archives for iOS",
    "documentation": "documentation",
}

RELEASES: Final = pa.schema(
    [
        *_VERSION,
        _required("series", TEXT, "major and minor, such as 3.13"),
        _field("released", TIME, "earliest date of its source tarballs, else of anything in it"),
        _field("first_modified", TIME, "earliest date of its artifacts as the site lists them"),
        _field("last_modified", TIME, "latest date of its artifacts as the site lists them"),
        *(
            _required(family, pa.bool_(), f"it has {_FAMILY_DESCRIPTIONS[family]}")
            for family in FAMILIES.values()
        ),
        _required("artifacts", pa.int32(), "how many it has, companions not counted"),
        _required("bytes", pa.int64(), "of those whose size the site lists"),
        _required("signed_share", pa.float64(), "share of artifacts with a signature beside them"),
        _required("state", TEXT, "complete, partial or superseded, when this was published"),
        _required(
            "missing_families",
            TEXTS,
            "families that one of the two releases before it has and that are still expected",
        ),
        _field("expected_complete_by", TIME, "when a partial one is complete; null without a date"),
        _field(
            "completed_at",
            TIME,
            "when a refresh first saw it complete; null if it already was in the first refresh",
        ),
        _field("source_path", TEXT, "its best source tarball; null if it has none"),
    ]
)

CRAWL_FAILURES: Final = pa.schema(
    [
        _required("directory", TEXT, "the release directory's name"),
        _required("error", TEXT, "error of the last attempt"),
        _required("failed_at", TIME, "time of the last attempt"),
        _required("attempts", pa.int32(), "failures since it was last read"),
        _required("hidden", pa.bool_(), "it never gave a listing, only another page"),
        _field("directory_last_modified", TIME, "its date in the root listing then"),
        _field("lost", TEXTS, "artifacts missing from its last listing"),
        _field("listed_at", TIME, "when the site made that listing"),
    ]
)

CATALOG_CHANGES: Final = pa.schema(
    [
        _required("sequence", pa.int64(), "number of the refresh that recorded it"),
        _required("change", TEXT, "appeared, vanished or replaced"),
        _required("path", TEXT, "below the site's root, such as 3.13.9/x.tgz"),
        _required("name", TEXT, "the file's own name"),
        _required("directory", TEXT, "the release directory it is in"),
        *_VERSION,
        _required("artifact_type", TEXT, "its own, or that of its artifact"),
        _field("companion_of", TEXT, "path of the artifact it is about, if any"),
        _field("size_before", pa.int64(), "bytes before; null if the file did not exist"),
        _field("last_modified_before", TIME, "date before, as the site listed it"),
        _field("size", pa.int64(), "bytes now; null if the file no longer exists"),
        _field("last_modified", TIME, "date now, as the site lists it"),
        _field("sha256_before", TEXT, "recorded digest of the file before, if there was one"),
        _required("seen_at", TIME, "when it was recorded"),
    ]
)

DOWNLOAD_REPORT: Final = pa.schema(
    [
        _required("path", TEXT, "the artifact's, below the site's root"),
        _required("outcome", TEXT, "fetched, skipped (it existed) or failed"),
        _field("destination", TEXT, "the file's path or URL; null where it failed, or from Python"),
        _field("bytes", pa.int64(), "size of the file; null where it failed"),
        _field("last_modified", TIME, "its date in the catalog"),
        _field("seconds", pa.float64(), "duration, with pauses and verification"),
        _field("verification", TEXT, "signature, digest, archive, size or none; null if skipped"),
        _field("sha256", TEXT, "of the bytes that were fetched, in hexadecimal"),
        _field("sources", TEXTS, "where the expected digest was found"),
        _field("signed_by", TEXT, "whose signature covers its digest"),
        _field("note", TEXT, "what was not verified and why, or an unexpected size"),
        _field("error", TEXT, "why it failed"),
        _field("advice", TEXT, "what to do next, if the error does not say it"),
        _required("transient", pa.bool_(), "whether a later attempt may succeed"),
        _required("run_id", TEXT, "the Dagster run, or python- and a number"),
        _required("reported_at", TIME, "when this table was written"),
    ]
)

INSTALL_MANAGER: Final = pa.schema(
    [
        _required("path", TEXT, "below the site's root, such as pymanager/python-manager-25.0.msi"),
        _required("name", TEXT, "the file's own name"),
        _field("version", TEXT, "of the install manager, such as 25.0b1; null in other files"),
        _field("size", pa.int64(), "bytes; null where the listing shows no exact size"),
        _field("last_modified", TIME, "as the site lists it, to the minute"),
    ]
)

#: By the name of the table's file or folder.
TABLES: Final = {
    "release_directories": RELEASE_DIRECTORIES,
    "release_artifacts": RELEASE_ARTIFACTS,
    "artifact_digests": ARTIFACT_DIGESTS,
    "artifact_catalog": ARTIFACT_CATALOG,
    "latest_version": LATEST_VERSION,
    "releases": RELEASES,
    "catalog_changes": CATALOG_CHANGES,
    "crawl_failures": CRAWL_FAILURES,
    "downloads": DOWNLOAD_REPORT,
    "install_manager": INSTALL_MANAGER,
}
