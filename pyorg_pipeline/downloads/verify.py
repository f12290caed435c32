"""Which digest a file has to have, where that is published, and the check of a received file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from pyorg_pipeline.downloads.archives import archive_kind, check_archive
from pyorg_pipeline.downloads.sigstore import verify_bundle
from pyorg_pipeline.errors import SiteStatusError, UnverifiableError, VerificationError
from pyorg_pipeline.model.artifacts import COMPANION, PythonOrgArtifact
from pyorg_pipeline.model.digests import (
    BUNDLE_SUFFIX,
    SBOM_SUFFIX,
    SIGNERS,
    Signer,
    companion_digest,
    digest_companions,
    digest_path,
)
from pyorg_pipeline.model.downloads import Download, Method, Verification, Verify
from pyorg_pipeline.site.client import SiteClient


def expected_verification(
    client: SiteClient, artifact: PythonOrgArtifact, verify: Verify
) -> Verification:
    """Decide how the file of an artifact is verified, before it is requested.

    `True` takes the digest in the catalog, else those in the `.sigstore` bundle, the release's
    manifest and the `.spdx.json`, which have to agree; without one, the size and the archive's own
    checksums. `'digest'` refuses artifacts without a digest. `'signature'` requests the bundle, or
    the manifest and its bundle, in any case and verifies that the release manager of the series
    signed the digest. `False` takes the size, as all do for a companion.
    """
    if artifact.artifact_type == COMPANION and artifact.size is not None:
        return Verification("size")
    if verify is False:
        return _without_digest(artifact, "as requested, ", None)
    if verify == "signature":
        return _by_signature(client, artifact)
    digests = _recorded_digest(artifact)
    if artifact.sha256 is not None:
        return _by_digest(artifact, digests, signed_by=artifact.signed_by)
    missing = []
    for companion in _digest_companions(artifact):
        content = _read(client, digest_path(artifact.path, companion))
        if content is not None:
            digests |= _digest_in(artifact, companion, content)
        elif companion in artifact.companions:
            missing.append(companion)
    if digests:
        return _by_digest(artifact, digests)
    reason = "no digest is published"
    if missing:
        reason += f" ({' and '.join(missing)} listed, but missing)"
    if verify == "digest":
        raise UnverifiableError(artifact.path, verify, reason)
    return _without_digest(artifact, f"{reason}; ", archive_kind(artifact.name))


def verify_existing(
    client: SiteClient,
    artifact: PythonOrgArtifact,
    verify: Verify,
    where: str,
    local: AbstractContextManager[Path],
) -> tuple[Verification | None, str | None]:
    """Verify an existing file, or its local copy, if a digest is required; return its SHA-256.

    Otherwise no request is made and the file is not read: the result is None and None.
    """
    if isinstance(verify, bool):
        return None, None
    verification = expected_verification(client, artifact, verify)
    try:
        with local as path:
            _, sha256 = read_and_verify(artifact, verification, path)
    except VerificationError as error:
        raise _of_existing(error, where) from None
    return verification, sha256


def with_listed_size(download: Download) -> Download:
    """Return it; raise VerificationError for an existing file of another size than listed."""
    if download.artifact.size not in (None, download.size):
        error = wrong_size(download.artifact, f"{download.size:,} bytes", "")
        raise _of_existing(error, download.destination)
    return download


def _of_existing(error: VerificationError, where: str) -> VerificationError:
    return replace(
        error,
        actual_source=f"the existing {where}",
        advice="it was not replaced. Do not use it: overwrite=True downloads it again",
    )


def read_and_verify(
    artifact: PythonOrgArtifact, verification: Verification, path: Path
) -> tuple[int, str]:
    """Verify a file by reading it; return its size and SHA-256."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    verify_file(artifact, verification, path, size, sha256)
    return size, sha256


def verify_file(
    artifact: PythonOrgArtifact, verification: Verification, file: Path, size: int, sha256: str
) -> None:
    """Raise VerificationError unless a file of this size and digest is the artifact's.

    The file is read only for an archive's own checksums.
    """
    if artifact.size not in (None, size):
        raise wrong_size(artifact, f"{size:,} bytes", "the bytes received")
    if verification.sha256 not in (None, sha256):
        received = (f"the {size:,} bytes received", sha256)
        raise _wrong_digest(artifact, (verification.sources[0], verification.sha256), received)
    if verification.method == "archive":
        check_archive(file, artifact.path)


def wrong_size(artifact: PythonOrgArtifact, actual: str, source: str) -> VerificationError:
    """Return the error of a file that has another size than the catalog lists."""
    expected = f"{artifact.size:,} bytes" if artifact.size is not None else "known"
    return VerificationError(
        artifact.path, "size", expected, actual, "the listing in the catalog", source
    )


def verify_manifest(client: SiteClient, path: str, content: bytes, signer: Signer) -> bool:
    """Verify the signature of an install manager's manifest; False if it has no bundle.

    Raises:
        VerificationError: the bundle beside it does not verify for its content.
    """
    if (bundle := _read(client, path + BUNDLE_SUFFIX)) is None:
        return False
    sha256 = hashlib.sha256(content).hexdigest()
    identity, issuer = signer
    verify_bundle(bundle, sha256, identity=identity, issuer=issuer, name=path + BUNDLE_SUFFIX)
    return True


def _by_signature(client: SiteClient, artifact: PythonOrgArtifact) -> Verification:
    version = artifact.release_version
    signer = None if version is None else SIGNERS.get((version.major, version.minor))
    signed = [one for one in _digest_companions(artifact) if one != SBOM_SUFFIX]
    if not signed:
        reason = f"the site has no {BUNDLE_SUFFIX} bundle for it"
    elif signer is None:
        series = "a file without a version" if version is None else f"the series {version.series}"
        reason = f"the signer of {series} is not known to this program"
    elif digests := _signed_digest(client, artifact, signed[0], signer):
        digests |= _recorded_digest(artifact)
        return _by_digest(artifact, digests, "signature", signer.identity)
    elif signed[0] in artifact.companions:
        reason = f"its {BUNDLE_SUFFIX} bundle is listed, but missing"
    else:
        reason = f"the site has no {BUNDLE_SUFFIX} bundle for it, nor a signed {signed[0]}"
    raise UnverifiableError(artifact.path, "signature", reason)


def _signed_digest(
    client: SiteClient, artifact: PythonOrgArtifact, companion: str, signer: Signer
) -> dict[str, str]:
    """Return the digest in a bundle or signed manifest, under its source; empty without one."""
    path = digest_path(artifact.path, companion)
    if (content := _read(client, path)) is None:
        return {}
    digests = _digest_in(artifact, companion, content)
    if companion != BUNDLE_SUFFIX:
        return digests if verify_manifest(client, path, content, signer) else {}
    (sha256,) = digests.values()
    identity, issuer = signer
    verify_bundle(content, sha256, identity=identity, issuer=issuer, name=path)
    return digests


def _by_digest(
    artifact: PythonOrgArtifact,
    digests: Mapping[str, str],
    method: Method = "digest",
    signed_by: str | None = None,
) -> Verification:
    """Return the verification by digests, each under its source; raise if they differ."""
    first, *others = digests.items()
    for other in others:
        if other[1] != first[1]:
            raise _wrong_digest(artifact, first, other)
    return Verification(method, first[1], tuple(digests), signed_by)


def _wrong_digest(
    artifact: PythonOrgArtifact, expected: tuple[str, str], actual: tuple[str, str]
) -> VerificationError:
    """Return the error of two digests, each with its source, that differ."""
    (source, sha256), (other_source, other) = expected, actual
    error = VerificationError(artifact.path, "SHA-256", sha256, other, source, other_source)
    if artifact.sha256_before is None:
        return error
    advice = (
        "nothing was written under the final name. The site replaced the file, and its new digest "
        f"is unconfirmed: if python.org announced it, run `pyorg confirm {artifact.path}`"
    )
    return replace(error, advice=advice)


def _without_digest(artifact: PythonOrgArtifact, reason: str, kind: str | None) -> Verification:
    """Return the verification by the size and, with the kind of an archive, its checksums."""
    checks: dict[Method, str] = {}
    if artifact.size is not None:
        checks["size"] = "the size in the listing"
    if kind is not None:
        checks["archive"] = f"the checksums inside the {kind} archive"
    by = " and ".join(checks.values()) or "nothing, since the listing shows no exact size"
    return Verification(next(reversed(checks), "none"), note=f"{reason}verified by {by}")


def _recorded_digest(artifact: PythonOrgArtifact) -> dict[str, str]:
    if artifact.sha256 is not None:
        return {f"the catalog, from {artifact.digest_source}": artifact.sha256}
    if artifact.sha256_before is not None:
        return {"the catalog, of the file before": artifact.sha256_before}
    return {}


def _digest_companions(artifact: PythonOrgArtifact) -> list[str]:
    return digest_companions(
        artifact.artifact_type, artifact.path, artifact.version, artifact.companions
    )


def _digest_in(artifact: PythonOrgArtifact, companion: str, content: bytes) -> dict[str, str]:
    """Return the digest in a companion or manifest, under its source; empty without one."""
    sha256 = companion_digest(companion, content, artifact.path)
    name = digest_path(artifact.name, companion)
    return {} if sha256 is None else {f"the site's {name}": sha256}


def _read(client: SiteClient, path: str) -> bytes | None:
    """Return the content of a file, None if it is missing."""
    try:
        return client.get(path).content
    except SiteStatusError as error:
        if error.is_absent:
            return None
        raise
