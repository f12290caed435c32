"""Who signs the releases of which series with Sigstore.

A release manager signs every artifact of a series, Windows' and macOS's included.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Signer(NamedTuple):
    """Whom a signing certificate has to name, and who vouched for that."""

    #: The certificate's subject, an email address.
    identity: str
    #: The OpenID Connect provider where the signer logged in: an address alone proves nothing,
    #: since any provider could issue a token for it.
    issuer: str


_GITHUB: Final = "https://github.com/login/oauth"
_GOOGLE: Final = "https://accounts.google.com"

_NED: Final = Signer("nad@python.org", _GITHUB)
_LUKASZ: Final = Signer("lukasz@langa.pl", _GITHUB)
_PABLO: Final = Signer("pablogsal@python.org", _GOOGLE)
_THOMAS: Final = Signer("thomas@python.org", _GOOGLE)
_HUGO: Final = Signer("hugo@python.org", _GITHUB)
_SAVANNAH: Final = Signer("savannah@python.org", _GITHUB)

#: By (major, minor). As listed at https://www.python.org/downloads/metadata/sigstore/, the page
#: that PEP 761 names for it.
SIGNERS: Final[Mapping[tuple[int, int], Signer]] = MappingProxyType(
    {
        (3, 7): _NED,
        (3, 8): _LUKASZ,
        (3, 9): _LUKASZ,
        (3, 10): _PABLO,
        (3, 11): _PABLO,
        (3, 12): _THOMAS,
        (3, 13): _THOMAS,
        (3, 14): _HUGO,
        (3, 15): _HUGO,
        (3, 16): _SAVANNAH,
        (3, 17): _SAVANNAH,
    }
)
