"""Arguments as users write them: flags, verification, times, attributes of an artifact."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pyorg_pipeline.errors import ExtraMissingError, InvalidArgumentError
from pyorg_pipeline.model.artifacts import ATTRIBUTES
from pyorg_pipeline.model.digests import can_verify

#: Requests to the site at the same time; it is shared with others.
DEFAULT_CONCURRENCY: Final = 8
LARGEST_CONCURRENCY: Final = 32

SOURCE: Final = "source-release"

#: The default of `download_release`; recognised by its identity, so that the same dict given by a
#: caller is taken literally.
DEFAULT_FORMAT: Final[dict[str, Any]] = {"format": "tarball_lzma"}

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: Five digits of weeks are nineteen centuries, which a datetime can hold.
_AGE: Final = re.compile(r"([0-9]{1,5})([mhdw])")


def parse_flag(name: str, value: object) -> bool:
    """A flag from a bool, or from a text such as `true`, `no` or `0`.

    Raises:
        InvalidArgumentError: it is neither true nor false; `bool("false")` would be true.
    """
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise InvalidArgumentError(f"{name} {value!r} is neither true nor false")
    return text in _TRUE


def parse_verification(value: object) -> Literal[True, False, "digest", "signature"]:
    """What a download has to be verified with: a flag, `digest` or `signature`.

    Raises:
        InvalidArgumentError: it is something else.
        ExtraMissingError: signatures cannot be verified here.
    """
    if value == "digest":
        return "digest"
    if value == "signature":
        if not can_verify():
            raise ExtraMissingError("sigstore", "verify='signature'")
        return "signature"
    try:
        return parse_flag("verify", value)
    except InvalidArgumentError:
        raise InvalidArgumentError(
            f"verify {value!r} is not one of true, false, digest, signature"
        ) from None


def require_callable(name: str, value: object) -> None:
    """Check a function that may be None.

    Raises:
        InvalidArgumentError: it cannot be called.
    """
    if value is not None and not callable(value):
        raise InvalidArgumentError(f"{name} {value!r} is not a function")


def parse_path(name: str, value: object) -> str:
    """A path or URL as text.

    Raises:
        InvalidArgumentError: it is neither text nor a path, or empty.
    """
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidArgumentError(f"{name} {value!r} is neither a path nor a URL")
    return text


def parse_folder(text: str) -> Path:
    """The path of a local folder; `~` is a user's home.

    Raises:
        InvalidArgumentError: there is no such user.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InvalidArgumentError(
            f"{text!r} is in the home of an unknown user; write './~...' for a folder of that name"
        ) from None


def parse_age(text: str) -> timedelta:
    """A time span such as `90m`, `12h`, `7d` or `2w`; `0` has no length.

    Raises:
        ValueError: it is something else.
    """
    age = _AGE.fullmatch(text)
    if age is None and text != "0":
        raise ValueError("it has to be minutes, hours, days or weeks: 90m, 12h, 7d or 2w; or 0")
    return timedelta(**{_UNITS[age[2]]: int(age[1])}) if age is not None else timedelta()


def parse_since(value: datetime | str, now: datetime) -> datetime:
    """A point in time, in UTC.

    Args:
        value: A datetime with a time zone; or ISO 8601 such as `2026-11-01` or
            `2026-11-01T12:00Z`, in UTC unless it has a zone; or an age such as `90m`, `12h`, `7d`
            or `2w`.
        now: What an age is subtracted from.

    Raises:
        InvalidArgumentError: It is something else, or a datetime without a time zone, which could
            mean UTC or local time.
    """
    if isinstance(value, datetime) and value.tzinfo is None:
        raise InvalidArgumentError(
            f"since {value.isoformat()!r} has no time zone: "
            "give it one, such as datetime.now(UTC) has"
        )
    try:
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        text = str(value).strip()
        if _AGE.fullmatch(text):
            return now - parse_age(text)
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        # In some zones, the first and the last hours of a datetime are out of range in UTC.
        raise InvalidArgumentError(f"since {value!r} is out of range") from None
    except ValueError:
        raise InvalidArgumentError(
            f"since {value!r} is not a valid time; give a date such as '2026-11-01', a time such "
            "as '2026-11-01T12:00Z', or an age such as '90m', '12h', '7d' or '2w'"
        ) from None


def parse_attributes(value: object) -> dict[str, Any]:
    """Attributes from a dict, or from text such as `format=tarball_deflate,arch=amd64`.

    Raises:
        InvalidArgumentError: an unknown attribute, or an invalid value.
    """
    given: Mapping[str, Any]
    if isinstance(value, Mapping):
        given = value
    elif isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        if not all(equals for _, equals, _ in parts):
            raise InvalidArgumentError(
                f"{value!r} is not of the form NAME=VALUE, such as 'arch=amd64'"
            )
        given = {name.strip(): text.strip() for name, _, text in parts}
    else:
        raise InvalidArgumentError(f"{value!r} is neither a dict of attributes nor their text")
    for name in given:
        if name not in ATTRIBUTES:
            raise InvalidArgumentError(
                f"unknown attribute {name!r}; the attributes are {', '.join(map(repr, ATTRIBUTES))}"
            )
    return {
        name: parse_flag(name, one) if ATTRIBUTES[name] is bool and one is not None else one
        for name, one in given.items()
    }


def merge_attributes(several: Iterable[object], **own: Any) -> dict[str, Any]:
    """The attributes that have arguments of their own, and those in dicts or texts.

    Raises:
        InvalidArgumentError: one is given twice, empty or invalid.
    """
    found = {name: value for name, value in own.items() if value not in ([], None)}
    for given in several:
        if not (named := parse_attributes(given)):
            raise InvalidArgumentError("an attribute is empty; give it as in arch=amd64")
        if twice := sorted(named.keys() & found.keys()):
            raise InvalidArgumentError(f"the attribute '{twice[0]}' is given twice")
        found |= named
    return found


if TYPE_CHECKING:
    Flag = bool
    Verification = bool | Literal["digest", "signature"]
    ArtifactFormat = Mapping[str, Any] | str
else:

    def _annotation(name: str, parse: Callable[[object], Any]) -> type:
        # The command line calls an annotation with the text that a user gave, and shows its name
        # in the error message.
        return type(name, (), {"__new__": lambda _cls, value: parse(value)})

    Flag = _annotation("true or false", partial(parse_flag, "flag"))
    Verification = _annotation("true, false, digest or signature", parse_verification)
    ArtifactFormat = _annotation("attribute=value,...", parse_attributes)
