"""Files about artifacts as a replica makes them up: bundles and bills of materials.

They tell the digest of the bytes that the replica serves, in the forms of the real ones, so that a
download from it is proven by a digest as one from the site is. Nothing is signed: with
`verify='signature'` they are refused.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

from pyorg_pipeline.model.digests import BUNDLE_SUFFIX, SBOM_SUFFIX


def _bundle(_name: str, sha256: bytes) -> dict[str, Any]:
    digest = {"algorithm": "SHA2_256", "digest": b64encode(sha256).decode()}
    none = b64encode(b"made up").decode()
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"certificate": {"rawBytes": none}, "tlogEntries": []},
        "messageSignature": {"messageDigest": digest, "signature": none},
    }


def _bill(name: str, sha256: bytes) -> dict[str, Any]:
    return {
        "SPDXID": "SPDXRef-DOCUMENT",
        "spdxVersion": "SPDX-2.3",
        "packages": [
            {
                "SPDXID": "SPDXRef-PACKAGE-cpython",
                "name": "CPython",
                "packageFileName": name,
                "checksums": [{"algorithm": "SHA256", "checksumValue": sha256.hex()}],
            }
        ],
    }


#: By suffix: the artifact's name and SHA-256 in, what its companion says out.
_FORMS: Final[dict[str, Callable[[str, bytes], dict[str, Any]]]] = {
    BUNDLE_SUFFIX: _bundle,
    SBOM_SUFFIX: _bill,
}


def artifact_of(name: str) -> str | None:
    """The name of the artifact that a file is about, if such files tell a digest."""
    for suffix in _FORMS:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return None


def made_up_companion(name: str, sha256: bytes, size: int) -> bytes | None:
    """The companion of that name, filled up to its size on record; None where that is too small."""
    artifact = artifact_of(name)
    assert artifact is not None
    content = json.dumps(_FORMS[name.removeprefix(artifact)](artifact, sha256)).encode()
    return content.ljust(size) if len(content) <= size else None
