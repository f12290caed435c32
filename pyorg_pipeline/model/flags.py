"""True, false, and how strong a proof has to be, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

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


def parse_verification(value: object) -> Literal[True, False, "digest", "signature"]:
    """How strong a download's proof has to be: a flag, `digest` or `signature`.

    Raises:
        InvalidArgumentError: anything else.
    """
    if value == "digest":
        return "digest"
    if value == "signature":
        return "signature"
    try:
        return parse_flag("verify", value)
    except InvalidArgumentError:
        raise InvalidArgumentError(
            f"verify {value!r} is none of true, false, digest, signature"
        ) from None


if TYPE_CHECKING:
    Flag = bool
    Verification = bool | Literal["digest", "signature"]
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

    class Verification:
        """The annotation of a proof's strength that can be given on the command line as text."""

        def __new__(cls, value: object) -> bool | str:
            """The strength itself, no instance of this class."""
            return parse_verification(value)

    Verification.__name__ = "true, false, digest or signature"
