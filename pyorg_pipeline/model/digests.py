"""The SHA-256 digests that python.org publishes of its artifacts, read out of two kinds of files.

Here: what a `.sigstore` bundle and an `.spdx.json` bill of materials say the digest is. Not here:
whether a bundle's signature is right (`site.sigstore_verification`), who may sign (`signers`),
and what to do with a digest (`site.verification`).

Whatever is read came from a server: anything that is not as it should be is a CompanionError.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pyorg_pipeline.errors import SiteError

BUNDLE_SUFFIX: Final = ".sigstore"
SBOM_SUFFIX: Final = ".spdx.json"

#: How the media type of every bundle starts: formats 0.1 and 0.2 go on with `+json;version=0.1`,
#: 0.3 with `.v0.3+json` (sigstore protobuf-specs, sigstore_bundle.proto).
_BUNDLE_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle"
#: HashAlgorithm.SHA2_256 (sigstore_common.proto): in JSON an enum is its name or its number.
_SHA2_256: Final = ("SHA2_256", 1)
_SHA256_BYTES: Final = 32
_SHA256_HEX: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
#: As python/release-tools' sbom.py names the package that stands for the artifact itself.
_CPYTHON_ID: Final = "SPDXRef-PACKAGE-cpython"
_CPYTHON_NAME: Final = "CPython"


class CompanionError(SiteError):
    """A signature bundle or bill of materials cannot be read."""


def is_sha256(text: str) -> bool:
    """Whether a text is a SHA-256 as digests are written here: 64 hexadecimal digits, lower."""
    return _SHA256_HEX.fullmatch(text) is not None and text == text.lower()


def bundle_digest(content: bytes, source: str) -> str:
    """The SHA-256 of the artifact that a `.sigstore` bundle is about, in hexadecimal.

    That is `messageSignature.messageDigest`, which the bundle's format calls a hint: it is the
    digest that was signed only if the bundle verifies for it.

    Args:
        content: the bundle's bytes, in format 0.1, 0.2 or 0.3.
        source: where they came from, a path or URL, for the error.

    Raises:
        CompanionError: the bytes are no bundle, or one without a SHA-256.
    """
    bundle = _json_object(content, source)
    media_type = _member(bundle, "mediaType", "media_type")
    if not isinstance(media_type, str) or not media_type.startswith(_BUNDLE_MEDIA_TYPE):
        raise _unreadable(source, f"its mediaType {_shown(media_type)} is none of a bundle's")
    signature = _member(bundle, "messageSignature", "message_signature")
    if not isinstance(signature, dict):
        raise _unreadable(source, "it holds no messageSignature, so it signs no file's bytes")
    digest = _member(signature, "messageDigest", "message_digest")
    if not isinstance(digest, dict):
        raise _unreadable(source, "its messageSignature has no messageDigest")
    algorithm = digest.get("algorithm")
    # A bool is a number to Python: true is no enum's value.
    if isinstance(algorithm, bool) or algorithm not in _SHA2_256:
        raise _unreadable(source, f"its digest's algorithm {_shown(algorithm)} is not SHA2_256")
    return _base64_sha256(digest.get("digest"), source)


def sbom_digest(content: bytes, source: str, artifact_name: str) -> str:
    """The SHA-256 of the artifact that an `.spdx.json` is about, in hexadecimal.

    python/release-tools' sbom.py writes an SPDX 2.3 document in which one package, CPython, is the
    artifact: `packageFileName` is its name, `checksums` (SPDX 2.3, 7.10) those of its bytes. The
    other packages and all files are parts of it.

    Args:
        content: the document's bytes.
        source: where they came from, a path or URL, for the error.
        artifact_name: the file that it has to be about.

    Raises:
        CompanionError: the bytes are no such document, or it is about another file.
    """
    document = _json_object(content, source)
    version = document.get("spdxVersion")
    if not isinstance(version, str) or not version.startswith("SPDX-2."):
        raise _unreadable(source, f"its spdxVersion {_shown(version)} is not SPDX-2")
    found = [
        package
        for package in _objects(document.get("packages"))
        if package.get("SPDXID") == _CPYTHON_ID and package.get("name") == _CPYTHON_NAME
    ]
    if len(found) != 1:
        raise _unreadable(source, f"it has {len(found)} packages named CPython instead of one")
    name = found[0].get("packageFileName")
    if name != artifact_name:
        raise _unreadable(source, f"it is about {_shown(name)}, not about {artifact_name!r}")
    values = {
        value.lower() if isinstance(value := checksum.get("checksumValue"), str) else ""
        for checksum in _objects(found[0].get("checksums"))
        if checksum.get("algorithm") == "SHA256"
    }
    if len(values) != 1:
        raise _unreadable(source, f"CPython's checksums hold {len(values)} SHA256 instead of one")
    (value,) = values
    if not is_sha256(value):
        raise _unreadable(source, "CPython's SHA256 is not 64 hexadecimal digits")
    return value


def companion_digest(suffix: str, content: bytes, source: str, artifact_name: str) -> str:
    """The artifact's SHA-256 out of its companion with that suffix, one of DIGEST_SOURCES.

    Raises:
        CompanionError: as `bundle_digest` and `sbom_digest`.
    """
    return _READERS[suffix](content, source, artifact_name)


#: The companions that tell a digest, the strongest first, and what the tables call them.
DIGEST_SOURCES: Final[Mapping[str, str]] = {BUNDLE_SUFFIX: "sigstore", SBOM_SUFFIX: "spdx"}

_READERS: Final[Mapping[str, Callable[[bytes, str, str], str]]] = {
    BUNDLE_SUFFIX: lambda content, source, _: bundle_digest(content, source),
    SBOM_SUFFIX: sbom_digest,
}


def _json_object(content: bytes, source: str) -> dict[str, Any]:
    try:
        value = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise _unreadable(source, f"it is not JSON ({str(error)[:100]})") from None
    if not isinstance(value, dict):
        raise _unreadable(source, "it is JSON, but no object")
    return value


def _member(value: dict[str, Any], name: str, original: str) -> Any:
    """A field under its JSON name or under its original one: parsers take both.

    So says the Protocol Buffers guide, "JSON Mapping".
    """
    return value.get(name, value.get(original))


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _base64_sha256(text: object, source: str) -> str:
    """A SHA-256 out of base64 in either alphabet, padded or not, as JSON Mapping has it."""
    if not isinstance(text, str):
        raise _unreadable(source, "its messageDigest has no digest")
    try:
        plain = text.rstrip("=").translate(_TO_STANDARD)
        digest = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable(source, "its digest is not base64") from None
    if len(digest) != _SHA256_BYTES:
        raise _unreadable(source, f"its digest has {len(digest)} bytes, a SHA-256 has 32")
    return digest.hex()


_TO_STANDARD: Final = str.maketrans("-_", "+/")


def _shown(value: object) -> str:
    return repr(value)[:80]


def _unreadable(source: str, reason: str) -> CompanionError:
    return CompanionError(
        source, f"{reason}; ask again later, and if it stays so, tell the site's people"
    )
