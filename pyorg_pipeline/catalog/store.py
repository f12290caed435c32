"""The catalog's tables as Parquet files: each is read whole and replaced atomically.

The Parquet footer of every table holds metadata about the whole table, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final, NamedTuple, TypeVar
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from pyorg_pipeline.catalog.location import Location
from pyorg_pipeline.errors import CatalogError, CatalogMissingError, CatalogUnreadableError

DIRECTORIES_FILE: Final = "release_directories.parquet"
ARTIFACTS_FOLDER: Final = "release_artifacts"
DIGESTS_FOLDER: Final = "artifact_digests"
CATALOG_FILE: Final = "artifact_catalog.parquet"
LATEST_FILE: Final = "latest_version.parquet"
RELEASES_FILE: Final = "releases.parquet"
FAILURES_FILE: Final = "crawl_failures.parquet"
INSTALL_MANAGER_FILE: Final = "install_manager.parquet"

#: The schema version of tables, which rises when columns are added, or change their names or
#: meaning. Later versions are refused; directories with an older table are crawled again.
FORMAT: Final = 3

#: Columns by the names that tables of format 1 have for them.
_FORMAT_1_NAMES: Final = {"removed_at": "gone_since"}

#: The columns that rows are sorted by, before their path.
VERSION_COLUMNS: Final = ("major", "minor", "micro", "releaselevel", "serial")

_METADATA_KEY: Final = b"pyorg"

#: Encoding in several threads at once is slower: they contend for the interpreter's lock.
_ENCODING: Final = Lock()

#: Tables with fewer rows are not smaller with dictionaries and statistics.
_MANY_ROWS: Final = 1000

_INT64: Final = pa.int64()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class StoredTable(NamedTuple):
    """A pyarrow Table and the metadata about the whole of it."""

    table: Any
    #: JSON values and datetimes.
    metadata: dict[str, Any]


class CatalogStore:
    """The catalog's tables at one location."""

    def __init__(self, location: Location) -> None:
        self.location = location

    def write(self, name: str, rows: Any, metadata: Mapping[str, Any]) -> int:
        """Replace one table atomically; returns its bytes.

        Rows are a pyarrow Table, or dicts of the table's schema in which missing values are null.
        The metadata is about the whole table: JSON values and datetimes.
        """
        text = json.dumps({**metadata, "format": FORMAT}, default=_encode, sort_keys=True)
        sink = pa.BufferOutputStream()
        with _ENCODING:
            if not isinstance(rows, pa.Table):
                rows = pa.Table.from_struct_array(pa.array(rows, pa.struct(_schema(name))))
            # Setting up zstd for each column of a small table takes longer than everything else.
            many = len(rows) >= _MANY_ROWS
            with pq.ParquetWriter(
                sink,
                rows.schema,
                compression="snappy",
                use_dictionary=many,
                write_statistics=many,
                # Without checksums, a flipped bit is a wrong name, size or date.
                write_page_checksum=True,
                # Arrow's copy of the schema is larger than the rows of most directories.
                store_schema=False,
            ) as writer:
                writer.write_table(rows)
                writer.add_key_value_metadata({_METADATA_KEY: text.encode()})
            data: bytes = sink.getvalue().to_pybytes()
            # Arrow's allocator keeps memory for each thread: 15 MB less for a crawl's 16 threads.
            pa.default_memory_pool().release_unused()
        self.location.write(name, data)
        return len(data)

    def read(self, name: str, columns: Iterable[str] | None = None) -> StoredTable:
        """One table, or those of the columns that it has; CatalogMissingError if it has no file.

        Columns that the table's format did not have yet are null.
        """
        file, metadata = self._open(name)
        renamed = _FORMAT_1_NAMES if metadata["format"] == 1 else {}
        wanted = None if columns is None else [renamed.get(each, each) for each in columns]
        try:
            table = file.read(columns=wanted, use_threads=False)
            # Invalid UTF-8 would otherwise be found only when a value is used.
            table.validate(full=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(name, str(error)) from error
        if renamed:
            names = {old: new for new, old in renamed.items()}
            table = table.rename_columns([names.get(each, each) for each in table.column_names])
        if metadata["format"] < FORMAT:
            table = _with_added_columns(table, _schema(name), columns)
        return StoredTable(table, metadata)

    def read_or_none(
        self, name: str, columns: Iterable[str] | None = None, *, site_url: str | None = None
    ) -> StoredTable | None:
        """As `read`; None if the table is missing, unreadable, or of another site."""
        try:
            found = self.read(name, columns)
        except (CatalogMissingError, CatalogUnreadableError):
            return None
        return found if site_url in {None, found.metadata.get("site_url")} else None

    def rows(self, name: str) -> list[dict[str, Any]]:
        """One table as dicts; empty if it was never written."""
        try:
            return list(self.read(name).table.to_pylist())
        except CatalogMissingError:
            return []

    def metadata(self, name: str) -> dict[str, Any]:
        """The metadata of one table."""
        return self._open(name)[1]

    def metadata_or_none(self, name: str) -> dict[str, Any] | None:
        """As `metadata`, and None if the table is missing or unreadable."""
        try:
            return self.metadata(name)
        except (CatalogMissingError, CatalogUnreadableError):
            return None

    def directory_metadata(self, folder: str = ARTIFACTS_FOLDER) -> dict[str, dict[str, Any]]:
        """The metadata of each readable table of a folder, by release directory.

        An index beside the folder keeps it, with the stamp of each file, so that only tables
        that were written since are opened.
        """
        stamps = {
            name.removesuffix(".parquet"): list(stamp)
            for name, stamp in self.location.stamps(folder).items()
            if name.endswith(".parquet")
        }
        index = self._read_index(folder)
        kept = {
            name: each
            for name, each in index.items()
            # A later version may have written the index, too.
            if each["stamp"] == stamps.get(name) and each["metadata"]["format"] <= FORMAT
        }
        opened = self._each(
            lambda name: self.metadata_or_none(f"{folder}/{name}.parquet"),
            [name for name in stamps if name not in kept],
        )
        for name, metadata in opened.items():
            kept[name] = {"stamp": stamps[name], "metadata": metadata}
        if opened or len(kept) < len(index):
            self._write_index(folder, kept)
        return {name: kept[name]["metadata"] for name in stamps if name in kept}

    def directory_tables(
        self, directories: Iterable[str], columns: Sequence[str]
    ) -> dict[str, StoredTable]:
        """The readable tables of release_artifacts of these directories."""
        return self._each(
            lambda name: self.read_or_none(directory_file(name), columns), list(directories)
        )

    def _read_index(self, folder: str) -> dict[str, dict[str, Any]]:
        """The index of a folder; empty if it is missing or damaged, so that it is made again."""
        try:
            checksum, _, text = self.location.read(_index_file(folder)).partition(b"\n")
            if int(checksum, 16) != crc32(text):
                return {}
            index: dict[str, dict[str, Any]] = json.loads(text, object_hook=_decode)
        except (OSError, ValueError):
            return {}
        return index

    def _write_index(self, folder: str, index: Mapping[str, Any]) -> None:
        text = json.dumps(index, default=_encode).encode()
        # Without write access, the tables are opened each time.
        with suppress(CatalogError):
            self.location.write(_index_file(folder), b"%08x\n%b" % (crc32(text), text))

    def _each(self, read: Callable[[str], T | None], names: Sequence[str]) -> dict[str, T]:
        """What `read` returns for each name, without None."""
        if self.location.readers == 1:
            found = list(map(read, names))
        else:
            with ThreadPoolExecutor(self.location.readers) as pool:
                found = list(pool.map(read, names))
        return {name: one for name, one in zip(names, found, strict=True) if one is not None}

    def _open(self, name: str) -> tuple[Any, dict[str, Any]]:
        """A ParquetFile, and the metadata of its table."""
        try:
            # Not read_table, which imports pyarrow.dataset and builds one for a single file.
            content = pa.BufferReader(self.location.read(name))
            file = pq.ParquetFile(content, page_checksum_verification=True)
        except FileNotFoundError:
            raise CatalogMissingError(self.location.text) from None
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(name, str(error)) from error
        try:
            footer = file.metadata.metadata or {}
            metadata: dict[str, Any] = json.loads(footer[_METADATA_KEY], object_hook=_decode)
        except (KeyError, ValueError):
            raise self._unreadable(name, "it has no metadata of this package") from None
        if metadata.get("format") not in range(1, FORMAT + 1):
            reason = f"its format is {metadata.get('format')}, this version reads 1 to {FORMAT}"
            raise self._unreadable(name, reason)
        return file, metadata

    def _unreadable(self, name: str, reason: str) -> CatalogUnreadableError:
        return CatalogUnreadableError(f"{self.location.text}/{name}", reason)


def _schema(name: str) -> Any:
    from pyorg_pipeline.catalog.schemas import TABLES  # noqa: PLC0415  # queries do without

    return TABLES[name.partition("/")[0].removesuffix(".parquet")]


def _with_added_columns(table: Any, schema: Any, columns: Iterable[str] | None) -> Any:
    """A table of an older format with the columns that were added since, as null."""
    wanted = schema.names if columns is None else set(columns).intersection(schema.names)
    for name in schema.names:
        if name in wanted and name not in table.column_names:
            nulls = pa.nulls(len(table), schema.field(name).type)
            table = table.append_column(name, nulls)
    return table.select([name for name in schema.names if name in wanted])


def _index_file(folder: str) -> str:
    return f"{folder}_index.json"


def directory_file(directory: str) -> str:
    """The name of a release directory's table."""
    return f"{ARTIFACTS_FOLDER}/{directory}.parquet"


def digests_file(directory: str) -> str:
    """The name of the table with the digests of a release directory's artifacts."""
    return f"{DIGESTS_FOLDER}/{directory}.parquet"


def python_values(column: Any) -> list[Any]:
    """A column's values as Python's, null as None.

    Times are made from integers: to make them itself, pyarrow imports pandas where it is installed,
    and a cast imports pyarrow.compute. Both take longer than a query.
    """
    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    return [
        None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
        for chunk in column.chunks
        for milliseconds in chunk.view(_INT64).to_pylist()
    ]


def version_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The sort key of a row's version; parts that it lacks come first.

    The alphabetical order of the release levels is their rank.
    """
    return tuple(row[name] for name in VERSION_COLUMNS if row.get(name) is not None)


def sort_by_version(table: Any) -> Any:
    """A table with version columns and a path, sorted by version, then path."""
    import pyarrow.compute as pc  # noqa: PLC0415  # queries do without it

    # Arrow puts nulls last; the parts that a version lacks come first.
    lowest = {"releaselevel": ""}
    keys = {name: table[name].fill_null(lowest.get(name, -1)) for name in VERSION_COLUMNS}
    keys["path"] = table["path"]
    return table.take(pc.sort_indices(pa.table(keys), [(name, "ascending") for name in keys]))


def _encode(value: object) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"utc": value.astimezone(UTC).isoformat()}
    raise TypeError(f"{value!r} cannot be stored in a table's metadata")


def _decode(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value["utc"]) if value.keys() == {"utc"} else value
