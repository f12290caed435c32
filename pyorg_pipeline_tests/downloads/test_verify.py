"""How downloads are verified, against a real site with real files."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.downloads.download import download
from pyorg_pipeline.downloads.verify import expected_verification, verify_file
from pyorg_pipeline.errors import (
    InvalidArchiveError,
    SiteStatusError,
    UnverifiableError,
    VerificationError,
)
from pyorg_pipeline.model.digests import SIGNERS, CompanionError, can_verify
from pyorg_pipeline.model.downloads import Verification, Verify
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.published import MEDIA_TYPES, bundle_bytes, sbom_bytes, sha256_of
from pyorg_pipeline_tests.support.shared_data import real_bundles, real_digests
from pyorg_pipeline_tests.support.transfers import OLD, artifact, tarball

with_extra = pytest.mark.skipif(not can_verify(), reason="the extra `sigstore` is not installed")

NAME = "Python-3.14.0.tgz"
PATH = f"3.14.0/{NAME}"
MSI = "2.7/python-2.7.msi"
BUNDLE = f"the site's {NAME}.sigstore"
SBOM = f"the site's {NAME}.spdx.json"
ARCHIVE = "the size in the listing and the checksums inside the gzip archive"
MISSING = ".sigstore and .spdx.json listed, but missing"
BOTH = (".asc", ".sigstore", ".spdx.json")
CONTENT = tarball(b"Python")
DIGEST = sha256_of(CONTENT)
OTHER = sha256_of(b"another file")


class Site:
    """A site with a tarball and an installer, and a folder with an older copy of each."""

    def __init__(self, replica: Replica, client: SiteClient, folder: Path) -> None:
        self.replica = replica
        self.client = client
        self.folder = folder
        for path in (PATH, MSI):
            replica.add(path, content=CONTENT)
            (folder / path.rpartition("/")[2]).write_bytes(OLD)

    def publish(self, *, bundle: bytes | None = None, sbom: bytes | None = None) -> None:
        for suffix, content in ((".sigstore", bundle), (".spdx.json", sbom)):
            if content is not None:
                self.replica.add(PATH + suffix, content=content)

    def verified(
        self,
        verify: Verify = True,
        path: str = PATH,
        companions: tuple[str, ...] = BOTH,
        **known: Any,
    ) -> Verification:
        """The verification of a download of an artifact with these companions."""
        known = {"size": len(CONTENT), "companions": companions, **known}
        wanted = artifact(path, **known)
        done = download(self.client, wanted, self.folder, overwrite=True, verify=verify)
        assert Path(done.destination).read_bytes() == CONTENT
        assert done.verification is not None
        return done.verification

    @property
    def requested(self) -> list[str]:
        """The suffixes of the companions that were requested, and nothing for the file itself."""
        return [request.path.removeprefix(PATH) for request in self.replica.requests]

    def assert_unchanged(self) -> None:
        assert [path.read_bytes() for path in self.folder.iterdir()] == [OLD, OLD]


@pytest.fixture
def site(replica: Replica, client: SiteClient, tmp_path: Path) -> Site:
    return Site(replica, client, tmp_path)


@pytest.mark.parametrize("verify", [True, "digest"])
@pytest.mark.parametrize(
    ("listed", "published"),
    [
        ((".sigstore",), (".sigstore",)),
        ((".spdx.json",), (".spdx.json",)),
        ((".sigstore", ".spdx.json"), (".sigstore", ".spdx.json")),
        # The bundle is listed, but missing.
        ((".sigstore", ".spdx.json"), (".spdx.json",)),
    ],
)
def test_the_published_digests_verify_a_file(
    site: Site, verify: Verify, listed: tuple[str, ...], published: tuple[str, ...]
) -> None:
    site.publish(
        bundle=bundle_bytes(DIGEST) if ".sigstore" in published else None,
        sbom=sbom_bytes(DIGEST, NAME),
    )
    sources = tuple(f"the site's {NAME}{suffix}" for suffix in published)
    verification = site.verified(verify, companions=(".asc", *listed))
    assert verification == Verification("digest", DIGEST, sources)
    assert site.requested == [*listed, ""]


def test_digests_that_differ_are_refused_before_the_file_is_requested(site: Site) -> None:
    site.publish(bundle=bundle_bytes(DIGEST), sbom=sbom_bytes(OTHER, NAME))
    with pytest.raises(VerificationError) as caught:
        site.verified()
    assert caught.value.args[:6] == (PATH, "SHA-256", DIGEST, OTHER, BUNDLE, SBOM)
    assert "" not in site.requested
    site.assert_unchanged()


@pytest.mark.parametrize("recorded", [False, True])
def test_a_wrong_digest_names_both_digests_and_their_sources(site: Site, recorded: bool) -> None:
    site.publish(bundle=bundle_bytes(OTHER))
    known: dict[str, Any] = {"sha256": OTHER, "digest_source": "spdx"} if recorded else {}
    with pytest.raises(VerificationError) as caught:
        site.verified(companions=(".sigstore",), **known)
    source = "the catalog, from spdx" if recorded else BUNDLE
    received = f"the {len(CONTENT)} bytes received"
    assert caught.value.args[:6] == (PATH, "SHA-256", OTHER, DIGEST, source, received)
    site.assert_unchanged()


ZIP, MANIFEST = "3.14.0/python-3.14.0-amd64.zip", "3.14.0/windows-3.14.0.json"


def add_zip(site: Site, sha256: str) -> None:
    """Put a zip of the install manager on the site, and a manifest with this digest for it."""
    entry = {"url": f"https://www.python.org/ftp/python/{ZIP}", "hash": {"sha256": sha256}}
    site.replica.add(ZIP, content=CONTENT)
    site.replica.add(MANIFEST, content=json.dumps({"versions": [entry]}).encode())


@pytest.mark.parametrize("verify", [True, "digest"])
def test_a_manifest_has_the_digest_of_the_install_managers_zip(site: Site, verify: Verify) -> None:
    add_zip(site, DIGEST)
    verification = site.verified(verify, path=ZIP, companions=())
    assert verification == Verification("digest", DIGEST, ("the site's windows-3.14.0.json",))
    assert site.requested == [MANIFEST, ZIP]
    site.replica.replace(MANIFEST, content=b'{"versions": []}')
    with pytest.raises(UnverifiableError, match="no digest is published"):
        site.verified("digest", path=ZIP, companions=())


def test_a_zip_that_its_manifest_contradicts_is_refused(site: Site) -> None:
    add_zip(site, OTHER)
    with pytest.raises(VerificationError) as caught:
        site.verified(path=ZIP, companions=())
    assert caught.value.args[:5] == (
        *(ZIP, "SHA-256", OTHER, DIGEST),
        "the site's windows-3.14.0.json",
    )


@with_extra
def test_signature_needs_the_signature_of_the_manifest(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_zip(site, DIGEST)
    with pytest.raises(UnverifiableError, match=r"nor a signed windows-3\.14\.0\.json"):
        site.verified("signature", path=ZIP, companions=())
    content = bundle_bytes(sha256_of(site.client.get(MANIFEST).content))
    site.replica.add(f"{MANIFEST}.sigstore", content=content)
    with pytest.raises(VerificationError, match=r"should be hugo@python\.org's"):
        site.verified("signature", path=ZIP, companions=())
    monkeypatch.setattr("pyorg_pipeline.downloads.verify.verify_bundle", lambda *_, **__: None)
    verification = site.verified("signature", path=ZIP, companions=())
    assert (verification.method, verification.signed_by) == ("signature", "hugo@python.org")
    assert verification.sha256 == DIGEST


@pytest.mark.parametrize("companions", [(), (".sigstore",)])
def test_a_replaced_file_has_to_have_the_digest_of_the_one_before(
    site: Site, companions: tuple[str, ...]
) -> None:
    site.publish(bundle=bundle_bytes(DIGEST))
    verification = site.verified(companions=companions, sha256_before=DIGEST)
    assert verification.sources[0] == "the catalog, of the file before"
    assert verification.sha256 == DIGEST
    with pytest.raises(VerificationError, match=f"confirmed: .*`pyorg confirm {PATH}`"):
        site.verified(companions=companions, sha256_before=OTHER)


@pytest.mark.parametrize("verify", [True, "digest"])
def test_a_digest_in_the_catalog_needs_no_request(site: Site, verify: Verify) -> None:
    verification = site.verified(verify, sha256=DIGEST, signed_by="hugo@python.org")
    sources = ("the catalog, from sigstore",)
    assert verification == Verification("digest", DIGEST, sources, "hugo@python.org")
    assert site.requested == [""]


VERIFYING = [True, "digest", pytest.param("signature", marks=with_extra)]


@pytest.mark.parametrize("verify", VERIFYING)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(403), SiteStatusError),
        (Answer(500), SiteStatusError),
        (Answer(body=b"<html>Bad gateway</html>"), CompanionError),
    ],
)
def test_a_companion_that_cannot_be_read_does_not_weaken_the_verification(
    site: Site, verify: Verify, answer: Answer, error: type[Exception]
) -> None:
    site.replica.answer(f"{PATH}.sigstore", answer)
    with pytest.raises(error):
        site.verified(verify)
    site.assert_unchanged()


@pytest.mark.parametrize(
    ("path", "known", "method", "reason", "checks"),
    [
        (PATH, {"companions": (".asc",)}, "archive", "", ARCHIVE),
        (PATH, {}, "archive", f" ({MISSING})", ARCHIVE),
        (MSI, {"companions": ()}, "size", "", "the size in the listing"),
        (
            MSI,
            {"companions": (), "size": None},
            "none",
            "",
            "nothing, since the listing shows no exact size",
        ),
    ],
    ids=["archive", "missing companions", "installer", "installer of unknown size"],
)
def test_without_a_digest_the_note_says_how_a_file_was_verified(
    site: Site,
    path: str,
    known: dict[str, Any],
    method: Any,
    reason: str,
    checks: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    note = f"no digest is published{reason}; verified by {checks}"
    assert site.verified(path=path, **known) == Verification(method, note=note)
    assert caplog.messages == [f"{site.folder / path.rpartition('/')[2]}: {note}"]


def test_a_damaged_archive_without_a_digest_is_refused(site: Site) -> None:
    for content in (CONTENT[:-3] + b"abc", CONTENT[: len(CONTENT) // 2], CONTENT + b"more"):
        site.replica.replace(PATH, content=content)
        with pytest.raises(InvalidArchiveError) as caught:
            site.verified(companions=(), size=None)
        assert str(caught.value) == (
            f"{PATH}: not a valid gzip archive (it is damaged or incomplete), and no digest is "
            "published; to download it all the same, use verify=False, which compares the size "
            "alone"
        )
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        site.assert_unchanged()


def test_false_takes_the_size_alone_and_requests_no_companion(site: Site) -> None:
    site.publish(bundle=bundle_bytes(OTHER))
    note = "as requested, verified by the size in the listing"
    assert site.verified(False, sha256=OTHER) == Verification("size", note=note)
    assert site.requested == [""]


def test_digest_refuses_a_file_without_one_before_it_is_requested(site: Site) -> None:
    with pytest.raises(UnverifiableError, match="no digest is published") as caught:
        site.verified("digest", companions=(".asc",))
    assert isinstance(caught.value, VerificationError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert site.requested == []
    with pytest.raises(UnverifiableError, match="listed, but missing"):
        site.verified("digest")
    site.assert_unchanged()


# Signatures


@with_extra
def test_signature_refuses_a_file_without_a_bundle_or_known_signer(site: Site) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"companions": (".asc", ".spdx.json")}, r"no \.sigstore bundle"),
        ({"path": "3.6.0/Python-3.6.0.tgz"}, r"the series 3\.6 is not known"),
        ({"path": "3.6.0/other"}, "signer of .* is not known"),
    ]
    for known, reason in cases:
        with pytest.raises(UnverifiableError, match=reason):
            site.verified("signature", **known)
    assert site.requested == []
    with pytest.raises(UnverifiableError, match="listed, but missing"):
        site.verified("signature")
    site.assert_unchanged()


def test_digest_verifies_an_existing_file_and_never_replaces_it(site: Site) -> None:
    site.publish(bundle=bundle_bytes(DIGEST))
    wanted = artifact(PATH, size=len(CONTENT), companions=(".sigstore",))
    final = site.folder / NAME
    for content, what in ((OLD, "size"), (CONTENT[:-1] + b"x", "SHA-256")):
        final.write_bytes(content)
        with pytest.raises(VerificationError, match=r"not replaced.*overwrite=True") as caught:
            download(site.client, wanted, site.folder, verify="digest")
        assert (caught.value.what, caught.value.actual_source) == (what, f"the existing {final}")
        assert final.read_bytes() == content
    final.write_bytes(CONTENT)
    done = download(site.client, wanted, site.folder, verify="digest")
    assert (done.fetched, done.sha256, done.note) == (False, DIGEST, "")
    assert done.verification == Verification("digest", DIGEST, (BUNDLE,))
    assert set(site.requested) == {".sigstore"}


@with_extra
@pytest.mark.parametrize("bundle", [*MEDIA_TYPES, "3.13.0/Python-3.13.0.tgz"])
def test_a_wrong_signature_is_refused_before_the_file_is_requested(site: Site, bundle: str) -> None:
    """An unsigned bundle in each format, and a real one of another series' release manager."""
    site.publish(bundle=real_bundles().get(bundle) or bundle_bytes(DIGEST, bundle))
    with pytest.raises(VerificationError) as caught:
        site.verified("signature")
    error = caught.value
    assert (error.what, error.subject) == ("signature", f"{PATH}.sigstore")
    assert error.expected.startswith("hugo@python.org's (issuer https://github.com/login/oauth)")
    assert error.actual.startswith("not verified: ")
    assert site.requested == [".sigstore"]
    site.assert_unchanged()


@with_extra
def test_signature_takes_a_real_bundle_and_only_the_signed_bytes(
    site: Site, tmp_path: Path
) -> None:
    digests = real_digests()
    unread = tmp_path / "not read"
    for path, content in real_bundles().items():
        site.replica.add(f"{path}.sigstore", content=content)
        wanted = artifact(path, companions=(".sigstore",))
        assert wanted.release_version is not None
        major, minor = wanted.release_version[:2]
        verification = expected_verification(site.client, wanted, "signature")
        source = f"the site's {wanted.name}.sigstore"
        signer = SIGNERS[major, minor].identity
        assert verification == Verification("signature", digests[path], (source,), signer)
        verify_file(wanted, verification, unread, 5, digests[path])
        with pytest.raises(VerificationError, match=f"should be {digests[path]}.* is {OTHER}"):
            verify_file(wanted, verification, unread, 5, OTHER)
        recorded = replace(wanted, sha256=OTHER, digest_source="sigstore")
        with pytest.raises(VerificationError, match="the catalog, from sigstore"):
            expected_verification(site.client, recorded, "signature")
        recorded = replace(recorded, sha256=digests[path])
        agreed = expected_verification(site.client, recorded, "signature")
        assert agreed.sources == (source, "the catalog, from sigstore")
