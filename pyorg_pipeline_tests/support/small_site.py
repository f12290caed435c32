"""A small site for tests: a few directories with dates in the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pyorg_pipeline.demo.replica.tree import Node

LONG_AGO = datetime(2025, 10, 7, 9, 30, tzinfo=UTC)

FILES = {
    "3.13.9/Python-3.13.9.tgz": 29_000_000,
    "3.13.9/Python-3.13.9.tar.xz": 22_000_000,
    "3.13.9/Python-3.13.9.tar.xz.asc": 833,
    "3.13.9/python-3.13.9-amd64.exe": 28_000_000,
    "3.14.0/Python-3.14.0.tar.xz": 23_000_000,
    "3.14.0/Python-3.14.0rc1.tar.xz": 22_900_000,
    "3.15.0/Python-3.15.0a1.tgz": 30_000_000,
    "2.7/Python-2.7.tgz": 14_000_000,
    "2.7/UNWISE.EXE": 150_000,
    "src/python-1.5.2.tar.gz": 2_533_053,
    "src/lib1.5.tar.gz": 806_012,
    "doc/README": 10,
}
#: The release directories among them, sorted by version.
DIRECTORIES = ["src", "2.7", "3.13.9", "3.14.0", "3.15.0"]


def small_site() -> list[Node]:
    """The entries of the small site; no date is later than LONG_AGO."""
    folders = sorted({path.partition("/")[0] for path in FILES})
    return [
        *(Node(f"{name}/", None, LONG_AGO - timedelta(days=n)) for n, name in enumerate(folders)),
        *(Node(path, size, LONG_AGO) for path, size in FILES.items()),
    ]
