"""What the Dagster UI shows of a table: its columns, a preview, and pictures."""

from __future__ import annotations

import warnings
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import dagster as dg

from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.defs.instance import CATALOG_POOL
from pyorg_pipeline.errors import DirectoriesFailedError, DownloadsFailedError
from pyorg_pipeline.model.text import shortened

PREVIEW_ROWS: Final = 10


def table_asset(
    schema: Any, **arguments: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dg.asset` for one of the catalog's tables, with its pyarrow schema."""
    with warnings.catch_warnings():
        # `backfill_policy` is in beta, hence the dependency on one minor release of Dagster.
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
            # One for all: with several, the lineage shows boxes instead of assets.
            group_name="catalog",
            kinds={"python", "parquet"},
            owners=["team:pyorg_pipeline"],
            pool=CATALOG_POOL,
            # Not `dagster/column_schema`, which the Overview lists above all other metadata: with
            # twenty columns, the newest version and the charts would not be on its first screen.
            metadata={"columns": column_schema(schema)},
            **arguments,
        )
    return decorator


def step_failure(error: DirectoriesFailedError | DownloadsFailedError) -> dg.Failure:
    """The failure of a step that did everything else first; the UI shows each of its reasons."""
    reasons = dict(sorted(error.failures.items()))
    return dg.Failure(str(error), metadata=reasons, allow_retries=False)


def column_schema(schema: Any) -> dg.TableSchema:
    """A pyarrow schema with its descriptions, as the UI shows it."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.type),
                description=column.metadata[b"description"].decode(),
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in schema
        ]
    )


def stored(store: CatalogStore, file: str, rows: int) -> dict[str, Any]:
    """What Dagster shows of every table: where it is stored, and its number of rows."""
    return {"dagster/uri": f"{store.location.text}/{file}", "dagster/row_count": rows}


def table(rows: Iterable[Mapping[str, str]]) -> dg.TableMetadataValue:
    """Rows of texts, all with the same columns, as a table that the UI shows without a click."""
    records = [dg.TableRecord(row) for row in rows]
    columns = [dg.TableColumn(name) for name in (records[0].data if records else ())]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def preview(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> dg.MarkdownMetadataValue:
    """Rows as a Markdown table, or `no rows`."""
    lines = [
        "| " + " | ".join(columns) + " |",
        "|" + " --- |" * len(columns),
        *("| " + " | ".join(_cell(row.get(name)) for name in columns) + " |" for row in rows),
    ]
    return dg.MetadataValue.md("\n".join(lines) if len(lines) > 2 else "no rows")


def newest(table: Any, columns: Sequence[str]) -> dg.MarkdownMetadataValue:
    """A preview of the last rows of a pyarrow Table, the last first."""
    return preview(table.slice(max(0, len(table) - PREVIEW_ROWS)).to_pylist()[::-1], columns)


def picture(svg: str, description: str) -> dg.MarkdownMetadataValue:
    """An SVG picture without references to other files, as the UI shows it; or its description."""
    data = b64encode(svg.encode()).decode()
    return dg.MetadataValue.md(f"![{_cell(description)}](data:image/svg+xml;base64,{data})")


def names(values: Sequence[str]) -> str:
    """The first names in one text, or `none`."""
    return shortened(values, 50) or "none"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        value = " ".join(map(str, value))
    # A name from the site must not become markup.
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
