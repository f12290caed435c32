"""The tables as files: whole tables in, whole tables out, each replaced in one step.

Every file carries, in the Parquet footer, facts about the whole table as JSON under the key
`pyorg`. What the rows mean stands in schemas.py, what to ask of them in queries.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pyorg_pipeline.catalog.location import Location
from pyorg_pipeline.errors import CatalogMissingError, CatalogUnreadableError

DIRECTORIES_FILE: Final = "release_directories.parquet"
ARTIFACTS_FOLDER: Final = "release_artifacts"
DIGESTS_FOLDER: Final = "artifact_digests"
CATALOG_FILE: Final = "artifact_catalog.parquet"
LATEST_FILE: Final = "latest_version.parquet"
RELEASES_FILE: Final = "releases.parquet"
FAILURES_FILE: Final = "crawl_failures.parquet"

#: Raised when a table's meaning changes, so that an old program refuses it instead of misreading.
FORMAT: Final = 1

#: What rows are sorted by, before their path.
VERSION_COLUMNS: Final = ("major", "minor", "micro", "releaselevel", "serial")

_FACTS_KEY: Final = b"pyorg"
#: Threads that encode at once hand the interpreter's lock back and forth for nothing.
_ENCODING: Final = Lock()

#: From so many rows on, dictionaries make a table smaller.
_MANY_ROWS: Final = 1000

T = TypeVar("T")


class CatalogStore:
    """The catalog's tables at one location."""

    def __init__(self, location: Location) -> None:
        self.location = location

    def write(
        self,
        name: str,
        schema: Any,
        rows: Sequence[Mapping[str, Any]] | Any,
        facts: Mapping[str, Any],
    ) -> int:
        """Replace one table, atomically; returns its bytes.

        Args:
            name: the file's name below the location.
            schema: one of schemas.py.
            rows: mappings from column names to values, missing ones null; or a pyarrow Table.
            facts: about the whole table, JSON values and datetimes; kept in the footer.
        """
        with _ENCODING:
            data = _encoded(schema, rows, facts)
        self.location.write(name, data)
        return len(data)

    def read(self, name: str, columns: Iterable[str] | None = None) -> tuple[Any, dict[str, Any]]:
        """One table as a pyarrow Table, and the facts about the whole of it.

        Args:
            name: the file's name below the location.
            columns: only these, as far as they are there; None for all.

        Raises:
            CatalogMissingError: it was never written.
            CatalogUnreadableError: the file is none of ours.
        """
        data = self._bytes(name)
        try:
            # Not read_table, which imports pyarrow.dataset and builds one for a single file.
            file = pq.ParquetFile(pa.BufferReader(data))
            wanted = None if columns is None else list(columns)
            table = file.read(columns=wanted, use_threads=False)
            # Bytes that are no text would be found when someone asks for them.
            table.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(name, str(error)) from error
        return table, self._facts(name, table.schema.metadata)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """One table as dicts; empty when it was never written."""
        try:
            return list(self.read(name)[0].to_pylist())
        except CatalogMissingError:
            return []

    def facts(self, name: str) -> dict[str, Any]:
        """What the table's footer says of the whole table, times as datetimes.

        Raises:
            CatalogMissingError: it was never written.
            CatalogUnreadableError: the file is none of ours.
        """
        data = self._bytes(name)
        try:
            metadata = pq.read_schema(pa.BufferReader(data)).metadata
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(name, str(error)) from error
        return self._facts(name, metadata)

    def facts_or_none(self, name: str) -> dict[str, Any] | None:
        """As `facts`, and None when the table is missing or none of ours."""
        try:
            return self.facts(name)
        except (CatalogMissingError, CatalogUnreadableError):
            return None

    def directory_facts(self, folder: str = ARTIFACTS_FOLDER) -> dict[str, dict[str, Any]]:
        """The facts of every readable table of release_artifacts (or another), by directory."""
        names = self._directories(folder)
        facts = self._each(self.facts_or_none, [f"{folder}/{name}.parquet" for name in names])
        return {name: found for name, found in zip(names, facts, strict=True) if found}

    def directory_tables(
        self, directories: Iterable[str], columns: Iterable[str] | None = None
    ) -> dict[str, tuple[Any, dict[str, Any]]]:
        """The tables and facts of release_artifacts of those directories that have a table."""

        def read(directory: str) -> tuple[Any, dict[str, Any]] | None:
            try:
                return self.read(directory_file(directory), columns)
            except (CatalogMissingError, CatalogUnreadableError):
                return None

        names = list(directories)
        found = self._each(read, names)
        return {name: table for name, table in zip(names, found, strict=True) if table}

    def _each(self, read: Callable[[str], T], names: Iterable[str]) -> list[T]:
        if self.location.readers == 1:
            return list(map(read, names))
        with ThreadPoolExecutor(self.location.readers) as pool:
            return list(pool.map(read, names))

    def _directories(self, folder: str) -> list[str]:
        suffix = ".parquet"
        return [
            name.removesuffix(suffix)
            for name in self.location.names(folder)
            if name.endswith(suffix)
        ]

    def _bytes(self, name: str) -> bytes:
        try:
            return self.location.read(name)
        except FileNotFoundError:
            raise CatalogMissingError(self.location.text) from None
        except OSError as error:
            raise self._unreadable(name, str(error)) from error

    def _facts(self, name: str, metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads((metadata or {})[_FACTS_KEY], object_hook=_decode)
        except (KeyError, ValueError):
            raise self._unreadable(name, "it carries no facts of this package") from None
        if facts.get("format") != FORMAT:
            reason = f"its format is {facts.get('format')}, this program's is {FORMAT}"
            raise self._unreadable(name, reason)
        return facts

    def _unreadable(self, name: str, reason: str) -> CatalogUnreadableError:
        return CatalogUnreadableError(f"{self.location.text}/{name}", reason)


def directory_file(directory: str) -> str:
    """The name of a release directory's table."""
    return f"{ARTIFACTS_FOLDER}/{directory}.parquet"


def digests_file(directory: str) -> str:
    """The name of the table with the digests of a release directory's artifacts."""
    return f"{DIGESTS_FOLDER}/{directory}.parquet"


def sort_by_version(table: Any) -> Any:
    """A table with version columns and a path, in the one order there is.

    The alphabetical order of the release levels is their rank; what has no version comes first.
    """
    columns = [table[name].to_pylist() for name in (*VERSION_COLUMNS, "path")]
    # Whatever lacks a part sorts as the shorter tuple: an unrecognised file has no level.
    keys = [
        (tuple(part for part in parts if part is not None), path)
        for *parts, path in zip(*columns, strict=True)
    ]
    # Of an empty list Arrow could not tell the type.
    return table.take(pa.array(sorted(range(len(keys)), key=keys.__getitem__), pa.int64()))


def _encoded(
    schema: Any, rows: Sequence[Mapping[str, Any]] | Any, facts: Mapping[str, Any]
) -> bytes:
    if isinstance(rows, pa.Table):
        table = rows
    else:
        # Of most attributes no file of a directory knows anything.
        given = {name for row in rows for name in row}
        columns = [
            pa.array([row.get(column.name) for row in rows], column.type)
            if column.name in given
            else pa.nulls(len(rows), column.type)
            for column in schema
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
    text = json.dumps({"format": FORMAT, **facts}, default=_encode, sort_keys=True)
    table = table.replace_schema_metadata({_FACTS_KEY: text.encode()})
    sink = pa.BufferOutputStream()
    # The tables are small: setting up zstd for each of their columns takes longer than all else,
    # and those of most directories gain nothing from dictionaries, nor a reader from their bounds.
    worth_it = len(table) >= _MANY_ROWS
    pq.write_table(
        table, sink, compression="snappy", use_dictionary=worth_it, write_statistics=worth_it
    )
    return bytes(sink.getvalue().to_pybytes())


def _encode(value: object) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"utc": value.astimezone(UTC).isoformat()}
    raise TypeError(f"{value!r} is no fact that JSON can hold")


def _decode(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value["utc"]) if value.keys() == {"utc"} else value
