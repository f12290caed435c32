"""What a catalog holds, and the changes of the site's files that refreshes found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pyorg_pipeline.model.text import iso_text
from pyorg_pipeline.model.values import Value, fields_as_json

APPEARED: Final = "appeared"
VANISHED: Final = "vanished"
#: Same path, other size or date.
REPLACED: Final = "replaced"

CHANGES: Final = (APPEARED, VANISHED, REPLACED)

#: What the site lists of a file: another one under the same path differs in it.
STATE: Final = ("size", "last_modified")


def is_same_file(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a path that is listed with these states still has the same file.

    A size or date that only one of the states has is not a difference: some mirrors do not list
    them.
    """
    known = ((before.get(name), now.get(name)) for name in STATE)
    return all(one == other for one, other in known if None not in (one, other))


@dataclass(frozen=True, slots=True, repr=False)
class CatalogChange(Value):
    """A file of the site that appeared, vanished or was replaced, with both its states."""

    #: `appeared`, `vanished` or `replaced`.
    change: str
    #: Below the site's root, such as `3.13.9/Python-3.13.9.tgz`.
    path: str
    #: In PEP 440's spelling, such as `3.15.0rc1`; None for unrecognised files.
    version: str | None
    #: Such as `source-release`, or `unrecognised`; of a companion, that of its artifact.
    artifact_type: str
    #: The path of the artifact that the file is about, as a signature is; None for artifacts.
    companion_of: str | None
    #: Bytes before; None if the file did not exist, or was listed without an exact size.
    size_before: int | None
    #: Bytes now; None if the file no longer exists, or is listed without an exact size.
    size: int | None
    #: UTC, to the minute, as the site listed it before; None if the file did not exist.
    last_modified_before: datetime | None
    #: As the site lists it now; None if the file no longer exists.
    last_modified: datetime | None
    #: The recorded SHA-256 of the file before, in hexadecimal; None if none was recorded.
    sha256_before: str | None
    #: When the change was recorded, UTC, to the millisecond; later for each later refresh.
    seen_at: datetime
    #: Where the file is, or was.
    url: str

    def to_dict(self) -> dict[str, Any]:
        """The fields in types that JSON has; `seen_at` to the millisecond, as `since` takes it."""
        return {**fields_as_json(self), "seen_at": iso_text(self.seen_at, "milliseconds")}

    def __str__(self) -> str:
        return f"{self.change} {self.path}"


@dataclass(frozen=True, slots=True, repr=False)
class CatalogInfo(Value):
    """What a catalog holds, and how old it is."""

    #: A folder or a URL.
    location: str
    #: The site that it was filled from.
    site_url: str
    #: When the root listing was last read, UTC.
    refreshed_at: datetime
    #: Time since then.
    age: timedelta
    #: When the site generated that listing, UTC: earlier if it came from a cache.
    listing_generated_at: datetime
    #: When the tables last changed, UTC.
    published_at: datetime
    #: Release directories in the catalog.
    directories: int
    #: Full versions, such as 3.15.0rc1.
    releases: int
    #: Recognised artifacts.
    artifacts: int
    #: Files that no rule of the grammar matches.
    unrecognised: int
    #: The reason for each directory that the last attempt could not read.
    failures: dict[str, str]
    #: As well for each that never gave a listing, but another page.
    hidden: dict[str, str]

    def __str__(self) -> str:
        refreshed = iso_text(self.refreshed_at)
        return f"{self.location}: {self.artifacts:,} artifacts, refreshed {refreshed}"
