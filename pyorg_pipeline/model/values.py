"""What the public values have in common: a short repr, and their fields as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from pyorg_pipeline.model.text import iso_text


class Value:
    """The base of dataclasses that users get; their `str` is a line of text."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields in types that JSON has; times are ISO 8601 in UTC.

        Durations are seconds, and their names say so: `age` is `age_seconds`.
        """
        return fields_as_json(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def fields_as_json(value: Any) -> dict[str, Any]:
    """The fields of a dataclass in types that JSON has."""
    values = {one.name: getattr(value, one.name) for one in fields(value)}
    return {
        f"{name}_seconds" if isinstance(one, timedelta) else name: json_value(one)
        for name, one in values.items()
    }


def json_value(value: Any) -> Any:
    """A value in types that JSON has; the `str` of any other."""
    if isinstance(value, Value):
        return value.to_dict()
    if is_dataclass(value):
        return fields_as_json(value)
    if isinstance(value, Mapping):
        return {name: json_value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(one) for one in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_text(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Enum):
        return value.value
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
