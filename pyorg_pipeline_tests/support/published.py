"""Made-up companions in the forms in which python.org publishes digests."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

#: The media types of the bundle formats 0.1, 0.2 and 0.3.
MEDIA_TYPES = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
]


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def bundle(sha256: str, media_type: str = MEDIA_TYPES[2]) -> dict[str, Any]:
    """A bundle for that digest with the fields of the real ones, without a valid signature."""
    certificate = {"rawBytes": base64.b64encode(b"no certificate").decode()}
    if media_type.endswith("v0.3+json"):
        material: dict[str, Any] = {"certificate": certificate}
    else:
        material = {"x509CertificateChain": {"certificates": [certificate]}}
    material["tlogEntries"] = [
        {
            "logIndex": "588222392",
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
            "integratedTime": "1759846578",
        }
    ]
    return {
        "mediaType": media_type,
        "verificationMaterial": material,
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": base64.b64encode(bytes.fromhex(sha256)).decode(),
            },
            "signature": base64.b64encode(b"no signature").decode(),
        },
    }


def bundle_bytes(sha256: str, media_type: str = MEDIA_TYPES[2]) -> bytes:
    return json.dumps(bundle(sha256, media_type)).encode()


def sbom(sha256: str, artifact_name: str) -> dict[str, Any]:
    """A bill of materials for that digest, with the fields that release-tools' sbom.py writes."""

    def package(name: str, number: int) -> dict[str, Any]:
        return {
            "SPDXID": f"SPDXRef-PACKAGE-{name}",
            "name": name,
            "versionInfo": "1.2",
            "downloadLocation": f"https://files.example/{name}.tar.gz",
            "checksums": [{"algorithm": "SHA256", "checksumValue": f"{number:064x}"}],
            "primaryPackagePurpose": "SOURCE",
        }

    return {
        "SPDXID": "SPDXRef-DOCUMENT",
        "spdxVersion": "SPDX-2.3",
        "name": "CPython SBOM",
        "documentNamespace": f"https://www.python.org/ftp/python/x/{artifact_name}.spdx.json",
        "files": [
            {
                "SPDXID": "SPDXRef-FILE-LICENSE",
                "fileName": "LICENSE",
                "checksums": [
                    {"algorithm": "SHA1", "checksumValue": "0" * 40},
                    {"algorithm": "SHA256", "checksumValue": "1" * 64},
                ],
            }
        ],
        "packages": [
            package("expat", 1),
            {
                **package("cpython", 2),
                "name": "CPython",
                "packageFileName": artifact_name,
                "checksums": [{"algorithm": "SHA256", "checksumValue": sha256}],
            },
            package("pip", 3),
        ],
        "relationships": [],
    }


def sbom_bytes(sha256: str, artifact_name: str) -> bytes:
    return json.dumps(sbom(sha256, artifact_name), indent=2).encode()
