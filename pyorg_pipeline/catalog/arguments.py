"""What a caller gives, checked against what a snapshot has."""

from __future__ import annotations

from pyorg_pipeline.catalog.queries import Snapshot
from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.versions import NormalizedPythonVersion


def checked_attributes(snapshot: Snapshot, arch: str | None, format: str | None) -> dict[str, str]:
    """The attributes that were given, of those that can be asked for by name.

    Raises:
        InvalidArgumentError: a value that no artifact has.
    """
    given = {
        "arch": checked(snapshot, "arch", arch),
        "format": checked(snapshot, "format", format),
    }
    return {name: value for name, value in given.items() if value is not None}


def checked(snapshot: Snapshot, column: str, value: str | None) -> str | None:
    """The value, if some artifact has it in that column.

    Raises:
        InvalidArgumentError: none has; names those that there are.
    """
    if value is not None and value not in (known := snapshot.values(column)):
        raise InvalidArgumentError(
            f"no artifact has the {column} {value!r}; there are {', '.join(known)}"
        )
    return value


def unknown_version(version: NormalizedPythonVersion, snapshot: Snapshot) -> str:
    """That a version is not in the snapshot, and what is."""
    known = [found.text for found in snapshot.release_versions(final_only=False)]
    near = [text for text in known if text.startswith(f"{version.series}.")]
    return f"the catalog knows no version {version.text}; " + (
        f"of {version.series} it has {', '.join(near)}"
        if near
        else f"it has {len(known)} versions, up to {known[-1]}"
        if known
        else "it is empty"
    )
