"""What proves an artifact, against a real site with real files."""

from __future__ import annotations

import gzip
import io
import logging
import pickle
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.downloads.sigstore import can_verify
from pyorg_pipeline.downloads.verify import Proof, RecordedDigest, Subject, Verify, expect
from pyorg_pipeline.errors import (
    ExtraMissingError,
    InvalidArgumentError,
    SiteStatusError,
    UnverifiableError,
    VerificationError,
)
from pyorg_pipeline.model.digests import SIGNERS, CompanionError
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.published import bundle_bytes, sbom_bytes, sha256_of
from pyorg_pipeline_tests.support.shared_data import real_bundles, real_digests

with_extra = pytest.mark.skipif(not can_verify(), reason="the extra `sigstore` is not installed")
without_extra = pytest.mark.skipif(can_verify(), reason="the extra `sigstore` is installed")

BOTH = (".asc", ".sigstore", ".spdx.json")
PATH = "3.14.0/Python-3.14.0.tgz"


def tarball() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("README")
        member.size = 6
        archive.addfile(member, io.BytesIO(b"Python"))
    return gzip.compress(out.getvalue(), mtime=0)


CONTENT = tarball()
DIGEST = sha256_of(CONTENT)
OTHER = sha256_of(b"another file")


@dataclass
class Download:
    """An artifact on its way from a site, without the way."""

    site: Replica
    client: SiteClient
    folder: Path
    path: str = PATH
    content: bytes = CONTENT
    facts: dict[str, Any] = field(default_factory=dict)

    def publish(self, *, bundle: bytes | None = None, sbom: bytes | None = None) -> None:
        if bundle is not None:
            self.site.add(f"{self.path}.sigstore", content=bundle)
        if sbom is not None:
            self.site.add(f"{self.path}.spdx.json", content=sbom)

    def verified(self, verify: Verify = True, **facts: Any) -> Proof:
        """The proof of the file, asked for as a download would."""
        name = self.path.rpartition("/")[2]
        subject = Subject(
            **{
                "path": self.path,
                "size": len(self.content),
                "companions": BOTH,
                "series": (3, 14),
                **facts,
            }
        )
        expectation = expect(subject, verify, self.client.read_file)
        file = self.folder / f"{name}.part"
        file.write_bytes(self.content)
        return expectation.prove(file, len(self.content), sha256_of(self.content))

    @property
    def asked(self) -> list[str]:
        return [request.path.removeprefix(self.path) for request in self.site.requests]


@pytest.fixture
def download(tmp_path: Path) -> Iterator[Download]:
    with (
        Replica([]) as site,
        SiteClient(site.url, backoff=0, retries=1) as client,
    ):
        yield Download(site, client, tmp_path)


def test_true_takes_the_digest_of_the_bundle(download: Download) -> None:
    download.publish(bundle=bundle_bytes(DIGEST))
    proof = download.verified(companions=(".asc", ".sigstore"))
    assert proof == Proof("digest", DIGEST, ("the site's Python-3.14.0.tgz.sigstore",))
    assert download.asked == [".sigstore"]


def test_true_takes_the_digest_of_the_bill_of_materials_where_there_is_no_bundle(
    download: Download,
) -> None:
    download.publish(sbom=sbom_bytes(DIGEST, "Python-3.14.0.tgz"))
    proof = download.verified(companions=(".spdx.json",))
    assert proof == Proof("digest", DIGEST, ("the site's Python-3.14.0.tgz.spdx.json",))
    assert download.asked == [".spdx.json"]


@pytest.mark.parametrize("verify", [True, "digest"])
def test_where_both_are_there_they_must_agree(download: Download, verify: Verify) -> None:
    download.publish(bundle=bundle_bytes(DIGEST), sbom=sbom_bytes(DIGEST, "Python-3.14.0.tgz"))
    proof = download.verified(verify)
    assert proof.method == "digest"
    assert proof.sources == (
        "the site's Python-3.14.0.tgz.sigstore",
        "the site's Python-3.14.0.tgz.spdx.json",
    )
    download.site.replace(f"{PATH}.spdx.json", content=sbom_bytes(OTHER, "Python-3.14.0.tgz"))
    with pytest.raises(VerificationError) as caught:
        download.verified(verify)
    error = caught.value
    assert (error.expected, error.actual) == (DIGEST, OTHER)
    assert error.expected_source == "the site's Python-3.14.0.tgz.sigstore"
    assert error.actual_source == "the site's Python-3.14.0.tgz.spdx.json"


def test_another_digest_says_what_was_expected_and_where_both_came_from(
    download: Download,
) -> None:
    download.publish(bundle=bundle_bytes(OTHER))
    with pytest.raises(VerificationError) as caught:
        download.verified(companions=(".sigstore",))
    error = caught.value
    assert (error.subject, error.what) == (PATH, "SHA-256")
    assert (error.expected, error.actual) == (OTHER, DIGEST)
    assert error.expected_source == "the site's Python-3.14.0.tgz.sigstore"
    assert error.actual_source == f"the {len(CONTENT)} bytes received"


def test_a_digest_on_record_makes_all_requests_for_companions_needless(
    download: Download,
) -> None:
    recorded = RecordedDigest(DIGEST, "sigstore", "hugo@python.org")
    for verify in (True, "digest"):
        proof = download.verified(verify, digest=recorded)
        assert proof.method == "digest"
        assert proof.signed_by == "hugo@python.org"
        assert proof.sources == ("the catalog's record, out of sigstore",)
    assert download.asked == []


def test_another_digest_on_record_refuses_the_file(download: Download) -> None:
    with pytest.raises(VerificationError) as caught:
        download.verified(digest=RecordedDigest(OTHER, "spdx"))
    assert caught.value.expected_source == "the catalog's record, out of spdx"


def test_a_missing_bundle_leaves_the_bill_of_materials(download: Download) -> None:
    download.publish(sbom=sbom_bytes(DIGEST, "Python-3.14.0.tgz"))
    proof = download.verified()
    assert proof.sources == ("the site's Python-3.14.0.tgz.spdx.json",)
    assert download.asked == [".sigstore", ".spdx.json"]


@pytest.mark.parametrize("verify", [True, "digest", pytest.param("signature", marks=with_extra)])
@pytest.mark.parametrize("status", [403, 500])
def test_a_companion_that_cannot_be_had_is_an_error_and_not_a_weaker_proof(
    download: Download, verify: Verify, status: int
) -> None:
    download.site.answer(f"{PATH}.sigstore", Answer(status))
    with pytest.raises(SiteStatusError) as caught:
        download.verified(verify)
    assert caught.value.status == status


@pytest.mark.parametrize("verify", [True, "digest", pytest.param("signature", marks=with_extra)])
def test_a_companion_that_cannot_be_read_is_an_error_and_not_a_weaker_proof(
    download: Download, verify: Verify
) -> None:
    download.publish(bundle=b"<html>Bad gateway</html>")
    with pytest.raises(CompanionError, match=r"Python-3\.14\.0\.tgz\.sigstore: it is not JSON"):
        download.verified(verify)


def test_an_older_release_is_proven_by_its_size_and_its_own_checksums_and_says_so(
    download: Download, caplog: pytest.LogCaptureFixture
) -> None:
    proof = download.verified(companions=(".asc",))
    assert (proof.method, proof.sha256, proof.sources) == ("archive", DIGEST, ())
    assert proof.note == (
        "no digest is published: its size is the listing's, "
        "the gzip archive is whole by its own checksums"
    )
    assert caplog.record_tuples == [
        (
            "pyorg_pipeline.downloads.verify",
            logging.WARNING,
            f"{PATH}: {proof.note}",
        )
    ]


def test_a_damaged_archive_of_an_older_release_is_refused(download: Download) -> None:
    for content in (CONTENT[:-3] + b"abc", CONTENT[: len(CONTENT) // 2], CONTENT + b"more"):
        download.content = content
        with pytest.raises(VerificationError) as caught:
            download.verified(companions=())
        assert caught.value.what == "archive"
        assert caught.value.subject == "Python-3.14.0.tgz"


def test_an_older_installer_is_proven_by_its_size_alone(download: Download) -> None:
    download.path = "2.7/python-2.7.msi"
    proof = download.verified(companions=(".asc",))
    assert (proof.method, proof.note) == (
        "size",
        "no digest is published: its size is the listing's, nothing more is proven",
    )


def test_without_a_size_in_the_listing_the_proof_says_so(download: Download) -> None:
    download.path = "2.7/python-2.7.msi"
    proof = download.verified(companions=(), size=None)
    assert (proof.method, proof.note) == (
        "none",
        "no digest is published: the listing shows no exact size, nothing more is proven",
    )
    assert download.verified(False, size=None).method == "none"


def test_missing_companions_are_told_in_the_proof_s_note(download: Download) -> None:
    proof = download.verified()
    assert proof.method == "archive"
    assert ".sigstore and .spdx.json listed, but missing" in proof.note


@pytest.mark.parametrize("verify", [True, False, "digest"])
@pytest.mark.parametrize("companions", [(), (".sigstore",)])
def test_another_size_is_refused_however_it_is_proven(
    download: Download, verify: Verify, companions: tuple[str, ...]
) -> None:
    if verify == "digest" and not companions:
        return
    download.publish(bundle=bundle_bytes(DIGEST))
    with pytest.raises(VerificationError) as caught:
        download.verified(verify, companions=companions, size=5)
    error = caught.value
    assert (error.what, error.expected) == ("size", "5 bytes")
    assert error.actual == f"{len(CONTENT)} bytes"
    assert error.expected_source == "the listing in the catalog"


def test_false_looks_at_the_size_alone_and_asks_for_nothing(download: Download) -> None:
    download.publish(bundle=bundle_bytes(OTHER))
    proof = download.verified(False, digest=RecordedDigest(OTHER, "sigstore"))
    assert proof.method == "size"
    assert proof.note == (
        "not verified, as asked: its size is the listing's, nothing more is proven"
    )
    assert download.asked == []


def test_digest_refuses_what_has_none_before_it_is_downloaded(download: Download) -> None:
    with pytest.raises(UnverifiableError) as caught:
        expect(Subject(PATH, 5, (".asc",)), "digest", lambda path: path.encode())
    assert isinstance(caught.value, VerificationError)
    assert str(caught.value) == (
        f"{PATH} has no digest to verify it with (no digest is published), and verify='digest' "
        "requires one; nothing was downloaded. verify=True uses the strongest verification that "
        "the site's files allow"
    )
    with pytest.raises(UnverifiableError, match=r"listed, but missing"):
        download.verified("digest")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert str(copied) == str(caught.value)


@pytest.mark.parametrize("verify", [1, 0, "Digest", "", None, "true"])
def test_any_other_wish_is_refused(verify: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="none of True, False, 'digest', 'signature'"):
        expect(Subject(PATH, 5), verify, lambda path: path.encode())


@with_extra
def test_signature_refuses_what_has_no_bundle_or_no_known_signer(download: Download) -> None:
    with pytest.raises(UnverifiableError, match=r"no \.sigstore bundle"):
        download.verified("signature", companions=(".asc", ".spdx.json"))
    with pytest.raises(UnverifiableError, match=r"series 3\.6 is not known"):
        download.verified("signature", series=(3, 6))
    with pytest.raises(UnverifiableError, match="series without a version"):
        download.verified("signature", series=None)
    assert download.asked == []
    with pytest.raises(UnverifiableError, match="listed, but missing"):
        download.verified("signature")


@without_extra
def test_signature_without_the_extra_says_what_to_install(download: Download) -> None:
    download.publish(bundle=bundle_bytes(DIGEST))
    with pytest.raises(ExtraMissingError, match=r"pip install '\.\[sigstore\]'"):
        download.verified("signature")
    assert download.asked == []


@with_extra
def test_signature_refuses_a_bundle_that_nobody_signed(download: Download) -> None:
    download.publish(bundle=bundle_bytes(DIGEST))
    with pytest.raises(VerificationError) as caught:
        download.verified("signature")
    assert caught.value.what == "signature"
    assert caught.value.subject == f"{PATH}.sigstore"


@with_extra
def test_signature_takes_a_real_bundle_of_the_series_signer_and_no_other(
    download: Download, tmp_path: Path
) -> None:
    digests = real_digests()
    for path, content in real_bundles().items():
        major, minor = map(int, path.split(".")[:2])
        download.site.add(f"{path}.sigstore", content=content)

        def fetch(companion: str) -> bytes:
            return download.client.read_file(companion)

        subject = Subject(path, None, (".sigstore",), (major, minor))
        expectation = expect(subject, "signature", fetch)
        assert expectation.sha256 == digests[path]
        proof = expectation.prove(tmp_path / "not read", 5, digests[path])
        assert proof.method == "signature"
        assert proof.signed_by == SIGNERS[major, minor].identity
        with pytest.raises(VerificationError):
            expectation.prove(tmp_path / "not read", 5, OTHER)
        other_series = (3, 14) if minor < 14 else (3, 13)
        with pytest.raises(VerificationError) as caught:
            expect(subject._replace(series=other_series), "signature", fetch)
        assert caught.value.what == "signature"
        recorded = RecordedDigest(OTHER, "sigstore")
        with pytest.raises(VerificationError, match="the catalog's record"):
            expect(subject._replace(digest=recorded), "signature", fetch)
        recorded = RecordedDigest(digests[path], "sigstore")
        agreed = expect(subject._replace(digest=recorded), "signature", fetch)
        assert [expected.source for expected in agreed.digests] == [
            f"the site's {path.rpartition('/')[2]}.sigstore",
            "the catalog's record, out of sigstore",
        ]
