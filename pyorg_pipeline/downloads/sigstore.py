"""Full verification of Sigstore bundles, offline, with the optional extra `sigstore`.

Here: a bundle, a digest and a signer go in, and it verifies or it does not. Not here: what a
bundle says without its signature (`model.digests`) and who has to have signed (`model.signers`).

The trust root is the one inside the installed sigstore package, read from there: neither its
cache in the user's home, which sigstore's own offline mode would write and then trust, nor the
network. Newer keys come with a newer sigstore package.
"""

from __future__ import annotations

import threading
from importlib import resources
from importlib.util import find_spec
from typing import Any, Final

from pyorg_pipeline.errors import ExtraMissingError, VerificationError
from pyorg_pipeline.model.digests import Signer

EXTRA: Final = "sigstore"

# Where sigstore keeps what it ships of its public instance (its _utils.read_embedded).
_EMBEDDED: Final = ("https%3A%2F%2Ftuf-repo-cdn.sigstore.dev", "trusted_root.json")

_lock: Final = threading.Lock()
_verifier: Any = None


def can_verify() -> bool:
    """Whether the extra `sigstore` is installed; nothing is imported for the answer."""
    return find_spec(EXTRA) is not None


def verify_bundle(
    bundle: bytes,
    sha256_hex: str,
    *,
    identity: str,
    issuer: str,
    name: str = "the .sigstore bundle",
) -> Signer:
    """The signer of an artifact, proven by its bundle; the artifact itself is not needed.

    The certificate chain, the transparency log's promise and proof of inclusion, and the signature
    over the digest are checked. A certificate, which lives for minutes, has to have been valid at
    the time that the log recorded. Safe to be used by many threads at once; nothing is written.

    Args:
        bundle: the bundle's bytes, in format 0.1, 0.2 or 0.3.
        sha256_hex: the artifact's SHA-256, 64 hexadecimal digits.
        identity: whom the certificate has to name, such as `hugo@python.org`.
        issuer: the OpenID Connect provider that has to have vouched for it.
        name: what the bundle is called, for the error.

    Raises:
        ExtraMissingError: sigstore is not installed.
        VerificationError: anything about the bundle is not as it should be.
    """
    verifier = _shared_verifier()
    from sigstore.hashes import Hashed  # noqa: PLC0415  # an extra, and half a second
    from sigstore.models import Bundle  # noqa: PLC0415
    from sigstore.verify.policy import Identity  # noqa: PLC0415
    from sigstore_models.common.v1 import HashAlgorithm  # noqa: PLC0415

    try:
        verifier.verify_artifact(
            Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(sha256_hex)),
            Bundle.from_json(bundle),
            Identity(identity=identity, issuer=issuer),
        )
    # Broken certificates come out of sigstore's libraries as many kinds of errors. Whichever it
    # is, nothing was proven.
    except Exception as error:
        words = " ".join(str(error).split())[:300] or type(error).__name__
        raise VerificationError(
            subject=name,
            what="signature",
            expected=f"{identity}'s (issuer {issuer}) over SHA-256 {sha256_hex}",
            actual=f"not verified: {words}",
            expected_source="the project's table of signers",
            actual_source="sigstore, offline",
        ) from error
    return Signer(identity, issuer)


def _shared_verifier() -> Any:
    """The one verifier of this process; building it takes as long as some verifications."""
    global _verifier  # noqa: PLW0603  # once per process, under the lock
    with _lock:
        if _verifier is None:
            if not can_verify():
                raise ExtraMissingError(EXTRA, "verifying signatures")
            from sigstore.models import TrustedRoot  # noqa: PLC0415  # an extra, and slow
            from sigstore.verify import Verifier  # noqa: PLC0415

            embedded = resources.files("sigstore._store").joinpath(*_EMBEDDED)
            with resources.as_file(embedded) as path:
                _verifier = Verifier(trusted_root=TrustedRoot.from_file(str(path)))
        return _verifier
