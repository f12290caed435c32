"""SHA-256 digests of artifacts: where the site publishes them, and who signs them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from pyorg_pipeline.errors import SiteError
from pyorg_pipeline.model.artifacts import is_install_manager_zip
from pyorg_pipeline.model.catalog import STATE, is_same_file

BUNDLE_SUFFIX: Final = ".sigstore"
SBOM_SUFFIX: Final = ".spdx.json"

#: The companions with a digest, and their names in the tables.
DIGEST_SOURCES: Final[Mapping[str, str]] = {BUNDLE_SUFFIX: "sigstore", SBOM_SUFFIX: "spdx"}
#: In place of a companion: the artifact itself, whose digest a verified download proved.
ITSELF: Final = ""
DOWNLOAD_SOURCE: Final = "download"
_MANIFEST_SOURCE: Final = "manifest"
#: The strongest first: a bundle or manifest is signed.
_STRENGTH: Final = ("sigstore", _MANIFEST_SOURCE, "spdx", DOWNLOAD_SOURCE)

#: The start of every bundle's media type: formats 0.1 and 0.2 add `+json;version=0.1`, 0.3 adds
#: `.v0.3+json` (sigstore protobuf-specs, sigstore_bundle.proto).
_BUNDLE_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle"
#: HashAlgorithm.SHA2_256 (sigstore_common.proto): in JSON an enum is its name or its number.
_SHA2_256: Final = ("SHA2_256", 1)
#: As python/release-tools' sbom.py names the package that stands for the artifact itself.
_CPYTHON: Final = ("SPDXRef-PACKAGE-cpython", "CPython")


class Signer(NamedTuple):
    """The identity that a signing certificate has to name."""

    #: The certificate's subject, an email address.
    identity: str
    #: The OpenID Connect provider of the login: any provider could issue a token for an address.
    issuer: str


_GITHUB: Final = "https://github.com/login/oauth"
_GOOGLE: Final = "https://accounts.google.com"

#: Release managers by (major, minor); each signs every artifact of a series. From
#: https://www.python.org/downloads/metadata/sigstore/, which PEP 761 names.
SIGNERS: Final[Mapping[tuple[int, int], Signer]] = {
    (3, 7): Signer("nad@python.org", _GITHUB),
    (3, 8): Signer("lukasz@langa.pl", _GITHUB),
    (3, 9): Signer("lukasz@langa.pl", _GITHUB),
    (3, 10): Signer("pablogsal@python.org", _GOOGLE),
    (3, 11): Signer("pablogsal@python.org", _GOOGLE),
    (3, 12): Signer("thomas@python.org", _GOOGLE),
    (3, 13): Signer("thomas@python.org", _GOOGLE),
    (3, 14): Signer("hugo@python.org", _GITHUB),
    (3, 15): Signer("hugo@python.org", _GITHUB),
    (3, 16): Signer("savannah@python.org", _GITHUB),
    (3, 17): Signer("savannah@python.org", _GITHUB),
}

#: The states of a companion that was read.
OK: Final = "ok"
MISSING: Final = "missing"
UNREADABLE: Final = "unreadable"
REJECTED: Final = "rejected"
UNCONFIRMED: Final = "unconfirmed"

#: States that last until the listing shows another companion. A rejected signature may verify with
#: a later trust root, and the site may take back an unconfirmed digest.
_FINAL_STATES: Final = frozenset({OK, MISSING, UNREADABLE})

#: A row of artifact_digests: one companion that was read.
Row = dict[str, Any]


def can_verify() -> bool:
    """Whether the extra `sigstore`, which verifies signatures, is installed."""
    return find_spec("sigstore") is not None


def digest_source(companion: str) -> str:
    """The name in the tables of where a digest is from, by `companion` of DigestCompanion."""
    if companion == ITSELF:
        return DOWNLOAD_SOURCE
    return DIGEST_SOURCES.get(companion, _MANIFEST_SOURCE)


def _strength(companion: str) -> int:
    return _STRENGTH.index(digest_source(companion))


def digest_path(path: str, companion: str) -> str:
    """The path of the file with an artifact's digest, by `companion` of DigestCompanion."""
    if digest_source(companion) != _MANIFEST_SOURCE:
        return path + companion
    directory, slash, _ = path.rpartition("/")
    return f"{directory}{slash}{companion}"


def digest_companions(
    artifact_type: str, path: str, version: str | None, suffixes: Iterable[str]
) -> list[str]:
    """What may have the digest of an artifact, as `companion` of DigestCompanion, strongest first.

    Its companions have these suffixes. The site may lack the manifest.
    """
    found = [suffix for suffix in suffixes if suffix in DIGEST_SOURCES]
    if version is not None and is_install_manager_zip(artifact_type, path):
        found.append(f"windows-{version}.json")
    return sorted(found, key=_strength)


class DigestCompanion(NamedTuple):
    """A file with the digest of an artifact, as the listing shows it."""

    #: The suffix of the artifact's companion, or the name of its release's manifest.
    companion: str
    size: int | None
    last_modified: datetime | None
    #: Whether a signature covers the digest: a bundle's own, or one beside the manifest.
    signed: bool


def due_companions(
    artifact: Mapping[str, Any],
    companions: Sequence[DigestCompanion],
    recorded: Mapping[str, Row],
    *,
    verify: bool,
) -> Sequence[DigestCompanion]:
    """Return the companions of an artifact to read, in this order, until one exists.

    `artifact` is its row in the listing, `recorded` has its rows by companion; `verify` says
    whether signatures are verified.
    """
    for place, companion in enumerate(companions):
        row = recorded.get(companion.companion)
        if row is None or not _is_final(row, artifact, companion, verify):
            return companions[place:]
        if row["state"] != MISSING:
            break
    return ()


def _is_final(
    row: Row, artifact: Mapping[str, Any], companion: DigestCompanion, verify: bool
) -> bool:
    columns = ("companion", "companion_size", "companion_last_modified")
    read = tuple(row[name] for name in columns)
    if row["state"] not in _FINAL_STATES or read != companion[:3]:
        return False
    if row["state"] != OK:
        return True
    # Tables of earlier versions lack these columns; with sizes or dates, these are read again.
    is_current = all(row.get(name) == artifact[name] for name in STATE)
    unsigned = verify and row["signed_by"] is None and companion.signed
    return is_current and not unsigned


def digest_in_force(rows: Iterable[Row], artifact: Mapping[str, Any]) -> Row | None:
    """Return which of an artifact's rows has its digest; bundles take precedence.

    The digest of an earlier file, with another size or date than `artifact`, the row in the
    listing, stays in force as long as no digest of the current one is recorded, nor confirmed that
    it has none.
    """
    return min(
        (row for row in rows if row["sha256"] is not None or row["companion"] == ITSELF),
        key=lambda row: (not is_same_file(row, artifact), _strength(row["companion"])),
        default=None,
    )


class CompanionError(SiteError):
    """A signature bundle or bill of materials cannot be read."""


def companion_digest(companion: str, content: bytes, path: str) -> str | None:
    """Return an artifact's SHA-256, in hexadecimal, from a file with it.

    `companion` is that of DigestCompanion, `path` the artifact's. A bill of materials has to name
    the artifact. The result is None if a manifest does not.

    Raises:
        CompanionError: the content is not such a file with a digest.
    """
    source, name = digest_path(path, companion), path.rpartition("/")[2]
    try:
        document = _json_object(content)
        if companion == BUNDLE_SUFFIX:
            return _bundle_digest(document)
        if companion == SBOM_SUFFIX:
            return _sbom_digest(document, name)
        return _manifest_digest(document, name)
    except ValueError as error:
        advice = "try again later; if it persists, report it to the site's maintainers"
        raise CompanionError(source, f"{error}; {advice}") from None


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({str(error)[:100]})") from None
    if isinstance(value, dict):
        return value
    raise ValueError("it is not a JSON object")


def _bundle_digest(bundle: dict[str, Any]) -> str:
    """Return the digest in a `.sigstore` bundle in format 0.1 to 0.3.

    That is `messageSignature.messageDigest`, a hint according to the format: only if the bundle
    verifies for it, this is the digest that was signed.
    """
    media_type = _member(bundle, str, "mediaType", "media_type")
    if not media_type.startswith(_BUNDLE_MEDIA_TYPE):
        raise ValueError(f"its mediaType {_shown(media_type)} is not a bundle's")
    signature = _member(bundle, dict, "messageSignature", "message_signature")
    digest = _member(signature, dict, "messageDigest", "message_digest")
    algorithm = digest.get("algorithm")
    # To Python, True equals 1; in JSON, true is not a value of an enum.
    if isinstance(algorithm, bool) or algorithm not in _SHA2_256:
        raise ValueError(f"its digest's algorithm {_shown(algorithm)} is not SHA2_256")
    # Base64 of either alphabet, padded or not (Protocol Buffers guide, "JSON Mapping").
    text = _member(digest, str, "digest").rstrip("=").replace("-", "+").replace("_", "/")
    try:
        sha256 = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError("its digest is not base64") from None
    if len(sha256) != 32:
        raise ValueError(f"its digest has {len(sha256)} bytes, a SHA-256 has 32")
    return sha256.hex()


def _sbom_digest(document: dict[str, Any], artifact_name: str) -> str:
    """Return the digest in an `.spdx.json`.

    In the SPDX 2.3 document of python/release-tools' sbom.py, the package CPython is the artifact:
    `packageFileName` is its name, `checksums` (SPDX 2.3, 7.10) those of its bytes. The other
    packages and all files are parts of it.
    """
    version = _member(document, str, "spdxVersion")
    if not version.startswith("SPDX-2."):
        raise ValueError(f"its spdxVersion {_shown(version)} is not SPDX-2")
    packages = _objects(document, "packages")
    found = [one for one in packages if (one.get("SPDXID"), one.get("name")) == _CPYTHON]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} packages named CPython instead of one")
    name = found[0].get("packageFileName")
    if name != artifact_name:
        raise ValueError(f"it is about {_shown(name)}, not about {artifact_name!r}")
    checksums = _objects(found[0], "checksums")
    values = [one.get("checksumValue") for one in checksums if one.get("algorithm") == "SHA256"]
    return _one_sha256(values, "CPython")


def _manifest_digest(document: dict[str, Any], artifact_name: str) -> str | None:
    """Return the digest in a manifest of the install manager; None if it does not name the zip.

    In the file of python/release-tools' merge-and-upload.py, `versions` has an entry for each zip
    of the release, with the schema of python/pymanager's indexutils.py: `url`, and `hash` by
    algorithm.
    """
    entries = _objects(document, "versions")
    named = [one for one in entries if str(one.get("url")).rpartition("/")[2] == artifact_name]
    hashes = [_member(one, dict, "hash").get("sha256") for one in named]
    return _one_sha256(hashes, artifact_name) if named else None


def _one_sha256(found: Sequence[object], name: str) -> str:
    """Return the one digest among these values in hexadecimal."""
    values = {str(value).lower() for value in found}
    if len(values) != 1:
        raise ValueError(f"it has {len(values)} SHA256 of {name} instead of one")
    (value,) = values
    if re.fullmatch("[0-9a-f]{64}", value) is None:
        raise ValueError(f"its SHA256 of {name} is not 64 hexadecimal digits")
    return value


def _member(value: dict[str, Any], kind: type, *names: str) -> Any:
    """Return a field by its JSON or original name (Protocol Buffers guide, "JSON Mapping")."""
    found = next((value[name] for name in names if name in value), None)
    if isinstance(found, kind):
        return found
    raise ValueError(f"it has no valid {names[0]}")


def _objects(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [item for item in _member(value, list, name) if isinstance(item, dict)]


def _shown(value: object) -> str:
    return repr(value)[:80]
