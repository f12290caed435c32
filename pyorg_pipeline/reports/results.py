"""The results of the commands: as text for people, and as values for JSON."""

from __future__ import annotations

import pprint
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from os import PathLike, fspath
from typing import Any

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.changes import CatalogChange
from pyorg_pipeline.model.releases import PythonRelease
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline.reports.changes import change_line, seen_text
from pyorg_pipeline.reports.lines import aligned
from pyorg_pipeline.reports.words import duration_text, iso_text, printable, time_text


def result_text(result: object) -> str:
    """What a person sees of a result: an item a line, and facts as aligned names and values."""
    if result is None:
        return ""
    if isinstance(result, str):
        return result if result.endswith("\n") or not result else f"{result}\n"
    if isinstance(result, NormalizedPythonVersion) or not isinstance(result, list | tuple):
        lines: Iterable[str] = _lines(result)
    else:
        lines = (line for item in result for line in _lines(item))
    return "".join(f"{line}\n" for line in lines)


def json_value(result: Any) -> Any:
    """What json.dumps cannot write by itself, in types that it can."""
    if isinstance(result, PythonOrgArtifact):
        return {
            "name": result.name,
            "path": result.path,
            "release_version": result.release_version,
            "version": result.release_version and result.release_version.text,
            "release_type": result.release_type,
            "release_format": result.release_format,
            "related": result.related,
            "is_final": result.is_final,
            "size": result.size,
            "last_modified": result.last_modified,
            "url": result.url,
            "sha256": result.sha256,
            "digest_source": result.digest_source,
            "signed_by": result.signed_by,
        }
    if is_dataclass(result):
        values = {field.name: getattr(result, field.name) for field in fields(result)}
        if isinstance(result, PythonRelease):
            values.update(version=result.version, series=result.series, is_final=result.is_final)
        if isinstance(result, CatalogChange):
            values["seen_at"] = seen_text(result)
        return values
    if isinstance(result, datetime):
        return iso_text(result)
    if isinstance(result, timedelta):
        return result.total_seconds()
    if isinstance(result, Mapping):
        return dict(result)
    return fspath(result) if isinstance(result, PathLike) else str(result)


def _lines(result: object) -> Iterable[str]:
    if isinstance(result, NormalizedPythonVersion):
        return [result.text]
    if isinstance(result, str | int | float | PathLike):
        return [printable(str(result))]
    if isinstance(result, Mapping):
        return _facts(result)
    if isinstance(result, CatalogChange):
        return [change_line(result)]
    if is_dataclass(result) and type(result).__str__ is object.__str__:
        return _facts({field.name: getattr(result, field.name) for field in fields(result)})
    return (str(result) if is_dataclass(result) else pprint.pformat(result)).splitlines()


def _facts(facts: Mapping[str, Any]) -> Iterable[str]:
    return aligned([(name.replace("_", " "), _fact(value)) for name, value in facts.items()])


def _fact(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{time_text(value)}, {duration_text(datetime.now(UTC) - value)} ago"
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return (
            "; ".join(f"{printable(str(name))}: {_fact(value[name])}" for name in value) or "none"
        )
    return printable(str(value))
