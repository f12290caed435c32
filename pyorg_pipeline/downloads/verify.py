"""What proves an artifact, before and after its bytes arrive.

Here: which digest is expected and where it came from, and what was proven of a file that was
received. Not here: how companions are read (`model.digests`), how signatures and archives are
checked (`sigstore_verification`, `archives`), and how bytes arrive (`transfer`), which computes
the digest on the way.

| `verify`      | what it takes                                                               |
| ------------- | --------------------------------------------------------------------------- |
| `True`        | the digest on record, else those that the `.sigstore` bundle and the        |
|               | `.spdx.json` hold, which must agree; where there is none, the size and, for |
|               | .tar.xz, .tgz, .tar.gz, .tar.bz2 and .zip, the archive's own checksums      |
| `'digest'`    | the same, and refuses what has no digest                                    |
| `'signature'` | the digest that a bundle proves to be signed by the series' signer          |
| `False`       | the size in the listing                                                     |
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pyorg_pipeline.downloads.archives import archive_kind, check_archive
from pyorg_pipeline.downloads.sigstore import EXTRA, can_verify, verify_bundle
from pyorg_pipeline.errors import (
    ExtraMissingError,
    InvalidArgumentError,
    SiteStatusError,
    UnverifiableError,
    VerificationError,
)
from pyorg_pipeline.model.digests import BUNDLE_SUFFIX, DIGEST_SOURCES, SIGNERS, companion_digest

Verify = Literal[True, False, "digest", "signature"]
#: From the strongest downwards; `none` where not even a size was known.
Method = Literal["signature", "digest", "archive", "size", "none"]

#: Returns the bytes of a companion, given its path below the site's root; raises a SiteError.
Fetch = Callable[[str], bytes]

#: Not there, on purpose or not yet; every other status says nothing about what is there.
ABSENT: Final = frozenset({404, 410})

_logger = logging.getLogger(__name__)


class RecordedDigest(NamedTuple):
    """A digest that the catalog holds already."""

    sha256: str
    #: `sigstore` or `spdx`.
    source: str
    #: Whose signature was verified when it was recorded; None where none was.
    signed_by: str | None = None


class Subject(NamedTuple):
    """What is known about an artifact before it is downloaded."""

    #: Below the site's root, such as `3.14.0/Python-3.14.0.tgz`.
    path: str
    #: Bytes, by the listing; None where it shows no exact size.
    size: int | None
    #: The suffixes of the files about it, such as `.sigstore`.
    companions: Sequence[str] = ()
    #: Major and minor; None for files without a version.
    series: tuple[int, int] | None = None
    digest: RecordedDigest | None = None


class ExpectedDigest(NamedTuple):
    """What the artifact's SHA-256 has to be."""

    sha256: str
    #: Where that came from, for people.
    source: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven of a file that was received."""

    method: Method
    sha256: str
    #: Where the digests that it equals came from; empty where there was none.
    sources: tuple[str, ...] = ()
    #: Whose signature covers its digest, as verified now or when the digest was recorded.
    signed_by: str | None = None
    #: What was not proven and why; empty for digests and signatures.
    note: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a file has to be, as known before it is downloaded; `prove` looks at what came."""

    subject: Subject
    verify: Verify
    #: All of the same SHA-256; empty where the site publishes none.
    digests: tuple[ExpectedDigest, ...] = ()
    signed_by: str | None = None
    #: Whether the signature was verified now.
    signature_verified: bool = False
    #: Why there is no digest, for people.
    reason: str = ""

    @property
    def sha256(self) -> str | None:
        """The digest that is expected, in hexadecimal."""
        return self.digests[0].sha256 if self.digests else None

    def prove(self, file: Path, size: int, sha256: str) -> Proof:
        """What the received file proves to be.

        Args:
            file: where it lies now, under any name; read only for an archive's own checksums.
            size: its bytes.
            sha256: its SHA-256 in hexadecimal, as computed while it arrived.

        Raises:
            VerificationError: it is not what it should be.
        """
        for expected in self.digests:
            if sha256 != expected.sha256:
                raise VerificationError(
                    subject=self.subject.path,
                    what="SHA-256",
                    expected=expected.sha256,
                    actual=sha256,
                    expected_source=expected.source,
                    actual_source=f"the {size} bytes received",
                )
        if self.subject.size is not None and size != self.subject.size:
            raise VerificationError(
                subject=self.subject.path,
                what="size",
                expected=f"{self.subject.size} bytes",
                actual=f"{size} bytes",
                expected_source="the listing in the catalog",
                actual_source="the bytes received",
            )
        if self.digests:
            return Proof(
                "signature" if self.signature_verified else "digest",
                sha256,
                tuple(expected.source for expected in self.digests),
                self.signed_by,
            )
        method, note = self._without_digest(file)
        _logger.log(
            logging.INFO if self.verify is False else logging.WARNING,
            "%s: %s",
            self.subject.path,
            note,
        )
        return Proof(method, sha256, note=note)

    def _without_digest(self, file: Path) -> tuple[Method, str]:
        name = self.subject.path.rpartition("/")[2]
        known = self.subject.size is not None
        size = "its size is the listing's" if known else "the listing shows no exact size"
        if self.verify is not False and (kind := archive_kind(name)) is not None:
            check_archive(file, name)
            return (
                "archive",
                f"{self.reason}: {size}, the {kind} archive is whole by its own checksums",
            )
        return "size" if known else "none", f"{self.reason}: {size}, nothing more is proven"


def expect(subject: Subject, verify: Verify, fetch: Fetch) -> Expectation:
    """What an artifact has to be; asks for its companions only if no digest is on record.

    `'signature'` asks for the bundle in any case, since it is to be verified now.

    Args:
        subject: the artifact.
        verify: how strong a proof has to be; see the module's table.
        fetch: called with a companion's path; a 404 or 410 means that it is missing.

    Raises:
        InvalidArgumentError: verify is none of the four.
        UnverifiableError: there is no digest or no signature, and one was demanded.
        VerificationError: digests differ, or the signature is not that of the series' signer.
        CompanionError: a companion cannot be read.
        ExtraMissingError: `'signature'` without the extra `sigstore`.
        SiteError: a companion could not be had, for another reason than being missing.
    """
    # True and 1 are equal, and so are False and 0: neither number is meant.
    if not (isinstance(verify, bool) or verify in ("digest", "signature")):
        raise InvalidArgumentError(
            f"verify={verify!r} is none of True, False, 'digest', 'signature'"
        )
    if verify is False:
        return Expectation(subject, verify, reason="not verified, as asked")
    if verify == "signature":
        return _signed(subject, fetch)
    if subject.digest is not None:
        return Expectation(subject, verify, (_on_record(subject.digest),), subject.digest.signed_by)
    digests, missing = _published(subject, fetch)
    reason = "no digest is published"
    if missing:
        reason = f"no digest is published ({' and '.join(missing)} listed, but missing)"
    if verify == "digest" and not digests:
        raise UnverifiableError(subject.path, verify, reason)
    return Expectation(subject, verify, digests, reason="" if digests else reason)


def _published(
    subject: Subject, fetch: Fetch
) -> tuple[tuple[ExpectedDigest, ...], tuple[str, ...]]:
    """The digests of an artifact's companions, which agree, and the companions that are missing."""
    digests: list[ExpectedDigest] = []
    missing: list[str] = []
    for suffix in DIGEST_SOURCES:
        if suffix not in subject.companions:
            continue
        content = _fetched(subject.path + suffix, fetch)
        if content is None:
            missing.append(suffix)
        else:
            digests.append(_read(subject.path, suffix, content))
    for other in digests[1:]:
        _agree(subject.path, digests[0], other)
    return tuple(digests), tuple(missing)


def _signed(subject: Subject, fetch: Fetch) -> Expectation:
    """A digest that the series' signer has signed, proven before the artifact is downloaded."""

    def unproven(reason: str) -> UnverifiableError:
        return UnverifiableError(subject.path, "signature", reason)

    if not can_verify():
        raise ExtraMissingError(EXTRA, "verify='signature'")
    if BUNDLE_SUFFIX not in subject.companions:
        raise unproven(f"the site has no {BUNDLE_SUFFIX} bundle for it")
    signer = None if subject.series is None else SIGNERS.get(subject.series)
    if signer is None:
        shown = "without a version" if subject.series is None else "{}.{}".format(*subject.series)
        raise unproven(f"who signs the series {shown} is not known to this program")
    content = _fetched(subject.path + BUNDLE_SUFFIX, fetch)
    if content is None:
        raise unproven(f"its {BUNDLE_SUFFIX} bundle is listed, but missing")
    digest = _read(subject.path, BUNDLE_SUFFIX, content)
    verify_bundle(
        content,
        digest.sha256,
        identity=signer.identity,
        issuer=signer.issuer,
        name=subject.path + BUNDLE_SUFFIX,
    )
    digests = [digest]
    if subject.digest is not None:
        digests.append(_on_record(subject.digest))
        _agree(subject.path, *digests)
    return Expectation(
        subject, "signature", tuple(digests), signer.identity, signature_verified=True
    )


def _fetched(path: str, fetch: Fetch) -> bytes | None:
    try:
        return fetch(path)
    except SiteStatusError as error:
        if error.status in ABSENT:
            return None
        raise


def _read(path: str, suffix: str, content: bytes) -> ExpectedDigest:
    name = path.rpartition("/")[2]
    return ExpectedDigest(
        companion_digest(suffix, content, path + suffix, name), f"the site's {name}{suffix}"
    )


def _on_record(digest: RecordedDigest) -> ExpectedDigest:
    return ExpectedDigest(digest.sha256, f"the catalog's record, out of {digest.source}")


def _agree(path: str, first: ExpectedDigest, other: ExpectedDigest) -> None:
    if first.sha256 != other.sha256:
        raise VerificationError(
            subject=path,
            what="SHA-256",
            expected=first.sha256,
            actual=other.sha256,
            expected_source=first.source,
            actual_source=other.source,
        )
