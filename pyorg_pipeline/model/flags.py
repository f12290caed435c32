"""True and false, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyorg_pipeline.errors import InvalidArgumentError

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def parse_flag(name: str, value: object) -> bool:
    """A flag from a bool, or from a text such as `true`, `no` or `0`.

    Raises:
        InvalidArgumentError: anything else; `bool("false")` would be true.
    """
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise InvalidArgumentError(f"{name} {value!r} is neither true nor false")
    return text in _TRUE


if TYPE_CHECKING:
    Flag = bool
else:

    class Flag:
        """The annotation of a flag that can be given on the command line as text.

        The command line calls the annotated class with the text that it was given.
        """

        def __new__(cls, value: object) -> bool:
            """The flag itself, no instance of this class."""
            return parse_flag("flag", value)

    # What the command line's own error message calls it.
    Flag.__name__ = "true or false"
