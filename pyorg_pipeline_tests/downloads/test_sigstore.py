"""Full verification of real bundles, with nothing but the installed package."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pyorg_pipeline import PythonOrgDownloads, cli
from pyorg_pipeline.defs.downloads import DownloadConfig
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.downloads.sigstore import verify_bundle
from pyorg_pipeline.errors import ExtraMissingError, VerificationError
from pyorg_pipeline.model.digests import SIGNERS, Signer, can_verify
from pyorg_pipeline.model.versions import parse_series
from pyorg_pipeline_tests.support.shared_data import ROOT, real_bundles, real_digests

with_extra = pytest.mark.skipif(not can_verify(), reason="the extra `sigstore` is not installed")


class Real(NamedTuple):
    path: str
    content: bytes
    sha256: str
    signer: Signer

    def verify(self, **changes: Any) -> None:
        signed = {"bundle": self.content, "sha256": self.sha256, **self.signer._asdict()}
        verify_bundle(**{**signed, **changes}, name=self.path)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty home, to see whether anything is written there."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def real() -> list[Real]:
    digests = real_digests()
    found = [
        Real(path, content, digests[path], SIGNERS[parse_series(".".join(path.split(".")[:2]))])
        for path, content in real_bundles().items()
    ]
    assert len(found) == 9
    return found


@with_extra
def test_the_real_bundles_verify_for_the_real_digests_and_write_nothing(
    real: list[Real], home: Path
) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(Real.verify, real * 3)) == [None] * 27
    assert not home.exists()


@with_extra
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "digest mismatch"),
        ({"sha256": "not hexadecimal"}, "non-hexadecimal"),
        ({"identity": "mallory@python.org"}, "do not match mallory"),
        ({"issuer": "https://login.example"}, "OIDCIssuer does not match"),
        *(
            ({"bundle": text}, "its bundle cannot be read")
            for text in (b"", b"{}", b"[]", b"\xff", b"[" * 9999)
        ),
    ],
)
def test_other_content_and_other_digests_or_signers_do_not_verify(
    real: list[Real], changes: dict[str, Any], reason: str
) -> None:
    for one in real:
        with pytest.raises(VerificationError, match=reason) as caught:
            one.verify(**changes)
        assert caught.value.subject == one.path


@with_extra
def test_the_trust_root_comes_from_the_package_and_not_from_the_home(
    real: list[Real], home: Path
) -> None:
    """sigstore's own offline mode would believe this file."""
    cache = home / "sigstore-python/tuf/https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    cache.mkdir(parents=True)
    (cache / "trusted_root.json").write_text("{}")
    program = (
        "import sys; from pyorg_pipeline.downloads.sigstore import verify_bundle;"
        "verify_bundle(sys.stdin.buffer.read(), sys.argv[1],"
        " identity=sys.argv[2], issuer=sys.argv[3], name='it'); print('verified')"
    )
    one = real[0]
    done = subprocess.run(
        [sys.executable, "-c", program, one.sha256, *one.signer],
        input=one.content,
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout.decode().strip() == "verified", done.stderr.decode()


def test_without_the_extra_the_error_says_how_to_install_it_before_any_request(
    site: Replica,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "sigstore", None)
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    needed = "needs a further package: pip install 'pyorg_pipeline[sigstore]'"
    for command in (["download", "3.14"], ["verify", str(tmp_path)]):
        assert cli.main([*command, "--verify", "signature"]) == 2
        assert capsys.readouterr().err == f"pyorg: --verify signature {needed}\n"
    with pytest.raises(ExtraMissingError, match="verify='signature' needs"):
        PythonOrgDownloads.download_release(3, 14, verify="signature")
    with pytest.raises(ExtraMissingError):
        DownloadConfig(verify="signature")
    assert (site.requests, list(tmp_path.iterdir())) == ([], [])
