"""What reading the companions of a directory's artifacts brought, in numbers and in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pyorg_pipeline.refresh.digest_readings import CHANGED, MISSING, OK, REJECTED, UNREADABLE
from pyorg_pipeline.refresh.digest_records import Row, in_force


class DigestConflict(NamedTuple):
    """A digest that changed although the artifact's name did not."""

    path: str
    #: The suffix of the companion that tells the other digest.
    companion: str
    #: In force.
    recorded: str
    #: What the companion tells now.
    found: str

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.companion} tells SHA-256 {self.found}, on record is "
            f"{self.recorded}, which stays in force; either the file was replaced under its name, "
            "or somebody tampers with it. Accept the new one only if python.org announced it"
        )


@dataclass(frozen=True, slots=True)
class DirectoryDigests:
    """What reading the companions of one directory's artifacts brought."""

    directory: str
    #: Rows on record now: one a companion that was ever read.
    rows: int = 0
    #: Artifacts whose companions were due.
    due: int = 0
    #: Of what was read now: digests, those with a verified signature, companions that are missing.
    recorded: int = 0
    verified: int = 0
    missing: int = 0
    conflicts: tuple[DigestConflict, ...] = ()
    #: Artifacts whose companions on record cannot be read as such, and why, by path.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Artifacts whose signatures on record did not verify, and why, by path; they are due again.
    rejected: dict[str, str] = field(default_factory=dict)
    #: Artifacts whose companions could not be had, by path; they are due again.
    failures: dict[str, str] = field(default_factory=dict)
    #: Why nothing of it could be recorded.
    error: Exception | None = None
    #: Of the table; 0 where it did not have to be written.
    bytes: int = 0
    #: Changes when a row does, whenever it was checked.
    data_version: str = ""
    #: The first rows, for people to look at.
    head: list[dict[str, Any]] = field(default_factory=list)


def described(
    directory: str, rows: Mapping[tuple[str, str], Row], new: Sequence[Row]
) -> DirectoryDigests:
    """What a directory's record holds, and what of it is new.

    Args:
        directory: its name.
        rows: all that is on record now, by path and companion.
        new: those that were made now.
    """
    ordered = [rows[key] for key in sorted(rows)]
    digests = in_force(ordered)
    read = [row for row in new if row["state"] == OK]
    return DirectoryDigests(
        directory=directory,
        rows=len(rows),
        recorded=len(read),
        verified=sum(row["signed_by"] is not None for row in read),
        missing=sum(row["state"] == MISSING for row in new),
        conflicts=tuple(
            DigestConflict(
                row["path"],
                row["companion"],
                digests[row["path"]].sha256,
                row["conflicting_sha256"],
            )
            for row in ordered
            if row["state"] == CHANGED
        ),
        unreadable=_errors(ordered, UNREADABLE),
        rejected=_errors(ordered, REJECTED),
        data_version=_data_version(ordered),
        head=ordered[:5],
    )


def _errors(rows: Sequence[Row], state: str) -> dict[str, str]:
    return {
        row["path"]: f"{row['companion']}: {row['error']}" for row in rows if row["state"] == state
    }


def _data_version(rows: list[Row]) -> str:
    told = [{name: row[name] for name in row if name != "checked_at"} for row in rows]
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()
