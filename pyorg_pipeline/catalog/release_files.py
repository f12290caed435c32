"""The rows of artifact_catalog that make up releases, as values of the model."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from pyorg_pipeline.catalog.store import VERSION_COLUMNS, utc_times
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.companions import is_signature
from pyorg_pipeline.model.releases import ReleaseFile
from pyorg_pipeline.model.versions import NormalizedPythonVersion

_COLUMNS: Final = [
    *("path", "artifact_type", "format", "arch", "debug", "superseded", "size"),
    *("companions", "last_modified"),
]

#: The columns of artifact_catalog that `release_files` reads.
RELEASE_FILE_COLUMNS: Final = [*VERSION_COLUMNS, *_COLUMNS]


def release_files(table: Any) -> list[ReleaseFile]:
    """The recognised artifacts of a table with RELEASE_FILE_COLUMNS, in its order.

    No Arrow values are made from Python's, which may import pandas: queries call this.
    """
    # Thousands of artifacts share a few hundred versions and a dozen suffixes.
    version_of, signs = cache(NormalizedPythonVersion), cache(is_signature)
    numbers = zip(*(table[name].to_pylist() for name in VERSION_COLUMNS), strict=True)
    dates = utc_times(table["last_modified"])
    columns = [table[name].to_pylist() for name in _COLUMNS[:-1]]
    return [
        ReleaseFile(
            release_version=version_of(*parts),
            path=path,
            artifact_type=artifact_type,
            format=packing,
            arch=arch,
            debug=bool(debug),
            superseded=bool(superseded),
            size=size,
            last_modified=date,
            signed=any(map(signs, companions)),
        )
        for parts, date, (
            *(path, artifact_type, packing, arch, debug, superseded, size),
            companions,
        ) in zip(numbers, dates, zip(*columns, strict=True), strict=True)
        if artifact_type != UNRECOGNISED
    ]
