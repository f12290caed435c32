"""Versions of CPython releases: their parts, their text and their order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, Self

from pyorg_pipeline.errors import InvalidArgumentError

#: Release levels as in sys.version_info, and how file names abbreviate them; from low to high.
#: Their alphabetical order is their rank, so that plain tuples compare rightly.
RELEASE_LEVELS: Final = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}

#: Digits of a number in a version; more would not fit the tables' columns.
LONGEST_NUMBER: Final = 9
_DIGITS: Final = rf"(?<![0-9])([0-9]{{1,{LONGEST_NUMBER}}})(?![0-9])"
_NUMBER: Final = re.compile(_DIGITS)
#: `3.13.9`, `3.13` and `3.15.0rc1`, also written `3.15.0-RC1` or `3.15.0c1`; a series is `3.13`.
VERSION: Final = re.compile(
    rf"{_DIGITS}\.{_DIGITS}(?:\.{_DIGITS})?(?:[-_.]?(?i:(a|b|rc|c))[-_.]?{_DIGITS})?"
)
SERIES: Final = re.compile(rf"{_DIGITS}\.{_DIGITS}")
#: Candidates were `c1` up to 2.6.2.
LEVELS: Final = {letters: level for level, letters in RELEASE_LEVELS.items()} | {"c": "candidate"}

#: The release directory without a version in its name; it holds everything before 2.0.
LEGACY_DIRECTORY: Final = "src"


class NormalizedPythonVersion(tuple[Any, ...]):
    """A version as a tuple: (major, minor, micro) or (major, minor, micro, releaselevel, serial).

    It equals and compares with plain tuples. The five-item form has the fields of
    `sys.version_info`; the three-item form has no `releaselevel` and no `serial`. Its `str` is
    `text`.
    """

    __slots__ = ()

    def __new__(
        cls,
        major: int | str | Iterable[Any],
        minor: int | str | None = None,
        micro: int | str = 0,
        releaselevel: str | None = None,
        serial: int | str | None = None,
    ) -> Self:
        """Build a version from its items, or from one iterable of them, as a tuple's copies are.

        Raises:
            InvalidArgumentError: a part is not a number, or the release level is unknown.
        """
        if minor is None and isinstance(major, Iterable) and not isinstance(major, str):
            return cls(*major)
        numbers = _number("major", major), _number("minor", minor), _number("micro", micro)
        if releaselevel is None:
            if serial is not None:
                raise InvalidArgumentError(f"serial {serial!r} needs a releaselevel beside it")
            return super().__new__(cls, numbers)
        if not isinstance(releaselevel, str) or releaselevel not in RELEASE_LEVELS:
            known = ", ".join(RELEASE_LEVELS)
            raise InvalidArgumentError(f"releaselevel {releaselevel!r} is not one of {known}")
        number = _number("serial", serial or 0)
        if number and releaselevel == "final":
            raise InvalidArgumentError(f"serial {number} needs a pre-release's releaselevel")
        return super().__new__(cls, (*numbers, releaselevel, number))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version in a text such as `3.13.9`, `3.13` or `3.15.0rc1`.

        It has five items if the text has a release level, else three. Other spellings that PEP 440
        normalizes are accepted, such as `3.15.0-RC1` and `3.15.0c1`.

        Raises:
            InvalidArgumentError: the text is not a version.
        """
        match = VERSION.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidArgumentError(
                f"version {text!r} is not of the form '3.13.9' or '3.15.0rc1'"
            )
        major, minor, micro, letters, serial = match.groups()
        return cls(major, minor, micro or 0, LEVELS[letters.lower()] if letters else None, serial)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    @property
    def major(self) -> int:
        """The first number."""
        return int(self[0])

    @property
    def minor(self) -> int:
        """The second number."""
        return int(self[1])

    @property
    def micro(self) -> int:
        """The third number."""
        return int(self[2])

    @property
    def releaselevel(self) -> str:
        """One of alpha, beta, candidate, final; a three-item version has none."""
        return str(self._item(3, "releaselevel"))

    @property
    def serial(self) -> int:
        """The number after the release level, 0 for finals; a three-item version has none."""
        return int(self._item(4, "serial"))

    @property
    def is_final(self) -> bool:
        """Whether the release level is known and final."""
        return len(self) == 5 and self[3] == "final"

    @property
    def series(self) -> str:
        """Major and minor, such as `3.13`."""
        return f"{self[0]}.{self[1]}"

    @property
    def text(self) -> str:
        """The version in PEP 440's spelling, such as `3.15.0rc1`."""
        text = f"{self[0]}.{self[1]}.{self[2]}"
        if len(self) == 5 and self[3] != "final":
            text += f"{RELEASE_LEVELS[self[3]]}{self[4]}"
        return text

    @property
    def numbers(self) -> NormalizedPythonVersion:
        """The three-item version without level and serial."""
        return NormalizedPythonVersion(*self[:3])

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return format(self.text, spec)

    def _item(self, index: int, name: str) -> Any:
        if len(self) != 5:
            raise AttributeError(f"{self!r} is a three-item version, without {name}", name=name)
        return self[index]


# Thousands of artifacts share a few hundred versions.
@lru_cache(maxsize=1024)
def full_version(text: str) -> NormalizedPythonVersion:
    """The five-item version in a text such as `3.13.9`, which is final, or `3.15.0rc1`."""
    version = NormalizedPythonVersion.parse(text)
    return version if len(version) == 5 else NormalizedPythonVersion((*version, "final", 0))


# A crawl asks for each file of the directory.
@lru_cache(maxsize=64)
def parse_release_directory(name: str) -> NormalizedPythonVersion | None:
    """The three-item version of a release directory; None for `src`, `doc` and others."""
    try:
        version = NormalizedPythonVersion.parse(name)
    except InvalidArgumentError:
        return None
    return version if len(version) == 3 else None


def parse_series(series: str) -> tuple[int, int]:
    """Major and minor of a series such as `3.13`.

    Raises:
        InvalidArgumentError: it is not two numbers in a text; a float is refused as well, because
            3.10 as a float is 3.1.
    """
    match = SERIES.fullmatch(series) if isinstance(series, str) else None
    if match is None:
        raise InvalidArgumentError(f"series {series!r} is not of the form '3.13' (as text)")
    return int(match[1]), int(match[2])


def _number(name: str, value: object) -> int:
    if type(value) is int and 0 <= value < 10**LONGEST_NUMBER:
        return value
    if isinstance(value, bool) or not _NUMBER.fullmatch(str(value)):
        raise InvalidArgumentError(f"{name} {value!r} is not a whole number of 0 or more")
    return int(str(value))
