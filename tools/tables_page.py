"""docs/tables.md, made from the schemas: every table of the catalog, every column, every fact."""

from __future__ import annotations

from textwrap import fill
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.download_reports import DOWNLOAD_REPORT

_INTRODUCTION: Final = """\
# The tables

<!-- Made by `python -m tools.write_pages`; a test compares. -->

Parquet files below the catalog's location, which DuckDB, Polars and pandas read as they are. Times
are UTC, sizes are bytes. Each file is replaced as a whole: a reader sees the old one or the new
one. A table that was never needed is not there.

A column says what it means in the schema itself, as Dagster's UI shows it. What is in a file beside
its rows, the *facts*, is JSON in the Parquet footer under the key `pyorg`; times in it are
`{"utc": "2026-11-23T01:04:59+00:00"}`. Each has `format`, 1: a program that knows only another
number refuses the table instead of misreading it. A program that reads the files has to be ready
for new columns, tables and facts; those that are here keep their meaning under one `format`.

"by version" is the order of `major`, `minor`, `micro`, `releaselevel` and `serial`: alpha, beta,
candidate, final, whose order in the alphabet is the same. What has no version comes first.
"""


class Table(NamedTuple):
    """What the schema does not say of a table."""

    name: str
    #: Below the catalog's location.
    file: str
    schema: Any
    #: What it is for, what a row is, and how rows are sorted.
    text: str
    #: The facts beside `format`, with what they mean.
    facts: dict[str, str]


_SITE_URL: Final = {"site_url": "the site that it was read from"}
_OF_CATALOG: Final = {
    **_SITE_URL,
    "catalog_published_at": "`published_at` of the `artifact_catalog` that it was made from",
}

TABLES: Final = [
    Table(
        "release_directories",
        "release_directories.parquet",
        schemas.RELEASE_DIRECTORIES,
        "The root listing, and what it once had. A row is a release directory, such as `3.13.9` "
        "or `src`; by version, then name.",
        {
            **_SITE_URL,
            "checked_at": "when the root listing was last read, whether it was new or not",
            "generated_at": "when the site had made that listing: earlier if out of a cache",
        },
    ),
    Table(
        "release_artifacts",
        "release_artifacts/<directory>.parquet",
        schemas.RELEASE_ARTIFACTS,
        "One table a release directory, as it was last crawled. A row is a file that is no "
        "companion of another, recognised or not; those that vanished stay, with `gone_since`. By "
        "version, then path.",
        {
            **_SITE_URL,
            "crawled_at": "when the directory was read",
            "generated_at": "when the site had made that listing: earlier if out of a cache",
            "directory_last_modified": "the directory's date in the root listing then",
        },
    ),
    Table(
        "artifact_catalog",
        "artifact_catalog.parquet",
        schemas.ARTIFACT_CATALOG,
        "What the site holds now, of all directories, published as a whole; this is what "
        "`PythonOrgDownloads` answers from. A row is a file, recognised or not; by version, then "
        "path.",
        {
            **_SITE_URL,
            "published_at": "when this snapshot was made",
            "crawls": "of each directory in it, `crawled_at` of the table that was taken",
            "digests": "of each directory with digests, `recorded_at` of the table that was taken",
            "directories": "release directories in it",
            "releases": "different full versions, such as 3.15.0rc1",
            "artifacts": "recognised files",
            "unrecognised": "files that no rule knows",
            "before": "`artifacts` and `unrecognised` of the snapshot before; null for the first",
        },
    ),
    Table(
        "latest_version",
        "latest_version.parquet",
        schemas.LATEST_VERSION,
        "The newest versions. A row is the newest final, or the newest of any level, of a series "
        "or of all; all series first, then each.",
        {
            **_OF_CATALOG,
            "before": "the highest rows that were there within a week: series, final_only, "
            "version columns, and `until`, when they were last found",
        },
    ),
    Table(
        "releases",
        "releases.parquet",
        schemas.RELEASES,
        "The releases, and whether all of each is there: [releases.md](releases.md) has the rules. "
        "A row is a full version, such as 3.15.0rc1; by version.",
        {
            **_OF_CATALOG,
            "published_at": "when it was made: the states are of this moment",
            "next_change": "when time alone changes a state: makes a partial release complete, or "
            "lets a date that lies ahead be believed; or null",
            "vanished": "of each complete release that is no longer there, `completed_at`",
        },
    ),
    Table(
        "catalog_changes",
        "catalog_changes/<number>.parquet",
        schemas.CATALOG_CHANGES,
        "What publications saw change, one table for each that saw something. More than 64 are "
        "merged into one, `<first>-<last>.parquet`; a table whose numbers lie within those of "
        "another does not count, nor does one beyond the baseline's `sequence`. A row is a file "
        "that appeared, vanished or was replaced, companions included; by sequence, version, then "
        "path. `list_changes` reads all of that.",
        {
            **_OF_CATALOG,
            "sequence": "its number; of a merged table, that of the last one in it",
            "first_seen_at": "the earliest `seen_at` in it",
            "last_seen_at": "the latest",
        },
    ),
    Table(
        "catalog_changes_baseline",
        "catalog_changes_baseline.parquet",
        schemas.CATALOG_CHANGES_BASELINE,
        "What changes are told against. A row is a file that the site held when changes were last "
        "recorded, companions included; by version, then path.",
        {
            **_OF_CATALOG,
            "sequence": "the number of the last changes that count",
            "crawls": "of each directory, `crawled_at` of the table that is accounted for",
        },
    ),
    Table(
        "crawl_failures",
        "crawl_failures.parquet",
        schemas.CRAWL_FAILURES,
        "What could not be read, and is taken again. A row is a directory whose last crawl failed; "
        "by name.",
        {},
    ),
    Table(
        "artifact_digests",
        "artifact_digests/<directory>.parquet",
        schemas.ARTIFACT_DIGESTS,
        "What `pyorg refresh --digests true` read, one table a release directory. A row is a "
        "signature bundle or a bill of materials; by path, then companion.",
        {**_SITE_URL, "recorded_at": "when it last changed"},
    ),
    Table(
        "downloads",
        "downloads/<run>.parquet",
        DOWNLOAD_REPORT,
        "What `pyorg download`, or the job `download_artifacts`, brought: one table a Dagster run. "
        "A row is an artifact that was selected.",
        {"run_id": "that run", "reported_at": "when it was written"},
    ),
]


def tables_page() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *map(_section, TABLES)]).rstrip("\n") + "\n"


def _section(table: Table) -> str:
    lines = [
        f"## {table.name}",
        "",
        f"`{table.file}`",
        "",
        fill(table.text, 100, break_long_words=False, break_on_hyphens=False),
        "",
    ]
    lines += ["| column | type | null | meaning |", "| --- | --- | --- | --- |"]
    for field in table.schema:
        null = "yes" if field.nullable else "no"
        meaning = field.metadata[b"description"].decode()
        lines.append(f"| `{field.name}` | {_type_name(field.type)} | {null} | {meaning} |")
    if table.facts:
        lines += ["", "| fact | meaning |", "| --- | --- |"]
        lines += [f"| `{name}` | {meaning} |" for name, meaning in table.facts.items()]
    return "\n".join([*lines, ""])


def _type_name(kind: Any) -> str:
    """A type in words that stay the same whatever pyarrow calls it."""
    if pa.types.is_list(kind):
        return f"list of {_type_name(kind.value_type)}"
    if pa.types.is_timestamp(kind):
        return f"timestamp ({kind.unit}, {kind.tz})"
    return str(kind)
