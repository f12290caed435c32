"""Version numbers of CPython releases, and the one order they have."""

from __future__ import annotations

from typing import Any, Final, Self

from pyorg_pipeline.errors import InvalidArgumentError

#: Release levels as in sys.version_info, and how file names abbreviate them; from low to high.
#: Their alphabetical order is their rank, so that plain tuples compare rightly.
RELEASE_LEVELS: Final = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}

#: Digits of a part of a version; whatever has more is none, and would not fit the tables.
LONGEST_NUMBER: Final = 9

#: The release directory without a version in its name; it holds everything before 2.0.
LEGACY_DIRECTORY: Final = "src"


class NormalizedPythonVersion(tuple[Any, ...]):
    """A version as a tuple: (major, minor, micro) or (major, minor, micro, releaselevel, serial).

    It equals and compares with plain tuples. The five-item form has the fields of
    `sys.version_info`; the three-item form has no `releaselevel` and no `serial`.
    """

    __slots__ = ()

    def __new__(
        cls,
        major: int | str,
        minor: int | str,
        micro: int | str = 0,
        releaselevel: str | None = None,
        serial: int | str | None = None,
    ) -> Self:
        """Build a version from numbers or their text.

        Raises:
            InvalidArgumentError: a part that is no number, or an unknown release level.
        """
        numbers = (
            _number("major", major),
            _number("minor", minor),
            _number("micro", micro),
        )
        if releaselevel is None:
            if serial is not None:
                raise InvalidArgumentError(f"serial {serial!r} needs a releaselevel beside it")
            return super().__new__(cls, numbers)
        if releaselevel not in RELEASE_LEVELS:
            known = ", ".join(RELEASE_LEVELS)
            raise InvalidArgumentError(f"releaselevel {releaselevel!r} is none of {known}")
        return super().__new__(
            cls, (*numbers, releaselevel, _number("serial", 0 if serial is None else serial))
        )

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
        """One of alpha, beta, candidate, final.

        Raises:
            AttributeError: this is a three-item version.
        """
        self._require_level("releaselevel")
        return str(self[3])

    @property
    def serial(self) -> int:
        """The number behind the release level; 0 for finals.

        Raises:
            AttributeError: this is a three-item version.
        """
        self._require_level("serial")
        return int(self[4])

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

    def _require_level(self, name: str) -> None:
        if len(self) != 5:
            raise AttributeError(f"{self!r} is a three-item version, without {name}", name=name)


def parse_series(series: str) -> tuple[int, int]:
    """Major and minor of a series such as `3.13`.

    Raises:
        InvalidArgumentError: anything else than two numbers with a dot between; a float too,
            because 3.10 as a float is 3.1.
    """
    parts = series.split(".") if isinstance(series, str) else []
    if len(parts) != 2 or not all(_is_number(part) for part in parts):
        raise InvalidArgumentError(f"series {series!r} is not of the form '3.13' (as text)")
    return int(parts[0]), int(parts[1])


def _number(name: str, value: int | str) -> int:
    if type(value) is int and 0 <= value < 10**LONGEST_NUMBER:
        return value
    if isinstance(value, bool) or not _is_number(str(value)):
        raise InvalidArgumentError(f"{name} {value!r} is not a whole number from 0 up")
    return int(value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
