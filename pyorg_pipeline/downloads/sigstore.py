"""Offline verification of Sigstore bundles, with the optional extra `sigstore`."""

from __future__ import annotations

from functools import cache
from importlib import resources
from threading import Lock
from typing import Any, Final

from pyorg_pipeline.errors import VerificationError
from pyorg_pipeline.model.text import reason_text

# The trust root in sigstore's own package (see its _utils.read_embedded).
_EMBEDDED: Final = ("https%3A%2F%2Ftuf-repo-cdn.sigstore.dev", "trusted_root.json")

_lock: Final = Lock()


def verify_bundle(bundle: bytes, sha256: str, *, identity: str, issuer: str, name: str) -> None:
    """Verify that a bundle, in format 0.1, 0.2 or 0.3, signs a digest in hexadecimal.

    The certificate chain, the transparency log's promise and proof of inclusion, and the signature
    over the digest are checked; nothing is written. The certificate has to name the identity, such
    as `hugo@python.org`, and the OpenID Connect provider that issued it. Raises VerificationError.
    """
    from sigstore.hashes import Hashed  # noqa: PLC0415  # an extra, and half a second
    from sigstore.models import Bundle  # noqa: PLC0415
    from sigstore.verify.policy import Identity  # noqa: PLC0415
    from sigstore_models.common.v1 import HashAlgorithm  # noqa: PLC0415

    with _lock:
        verifier = _verifier()
    # In the libraries' words, which are about ASN.1 and the like.
    reason = "its bundle cannot be read"
    try:
        signed = Bundle.from_json(bundle)
        reason = ""
        verifier.verify_artifact(
            Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(sha256)),
            signed,
            Identity(identity=identity, issuer=issuer),
        )
    # Broken certificates come out of sigstore's libraries as many kinds of errors.
    except Exception as error:
        raise VerificationError(
            subject=name,
            what="signature",
            expected=f"{identity}'s (issuer {issuer}) over SHA-256 {sha256}",
            actual=f"not verified: {reason or reason_text(error)}",
            expected_source="the project's table of signers",
            actual_source="sigstore, offline",
            advice="upgrade the package sigstore; if it still rejects it, do not use the file",
        ) from error


@cache
def _verifier() -> Any:
    """A verifier with the trust root inside the installed package; making one is slow.

    sigstore's own offline mode would write a cache in the user's home, and then trust it.
    """
    from sigstore.models import TrustedRoot  # noqa: PLC0415
    from sigstore.verify import Verifier  # noqa: PLC0415

    embedded = resources.files("sigstore._store").joinpath(*_EMBEDDED)
    with resources.as_file(embedded) as path:
        return Verifier(trusted_root=TrustedRoot.from_file(str(path)))
