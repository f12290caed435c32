"""What changed on the site from one refresh to the next: a file at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

APPEARED: Final = "appeared"
VANISHED: Final = "vanished"
#: Same path, other size or date.
REPLACED: Final = "replaced"

CHANGES: Final = (APPEARED, VANISHED, REPLACED)


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """A file of the site that appeared, vanished or was replaced, with both its states."""

    #: `appeared`, `vanished` or `replaced`.
    change: str
    #: Below the site's root, such as `3.13.9/Python-3.13.9.tgz`.
    path: str
    #: In PEP 440's spelling, such as `3.15.0rc1`; None for unrecognised files.
    version: str | None
    #: Such as `source-release`, or `unrecognised`; of a companion, that of its artifact.
    artifact_type: str
    #: The artifact's path where the file is about one, such as its signature; None for artifacts.
    companion_of: str | None
    #: Bytes before; None where there was no such file, or the listing showed no exact size.
    size_before: int | None
    #: Bytes now, likewise.
    size: int | None
    #: UTC, to the minute as the site listed it before; None where there was no such file.
    last_modified_before: datetime | None
    #: As the site lists it now, likewise.
    last_modified: datetime | None
    #: When the change was put on record, UTC, to the millisecond; later for each later refresh.
    seen_at: datetime
    #: Where the file is, or was.
    url: str
