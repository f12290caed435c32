"""Lock files: URL, size and SHA-256 of artifacts, for other programs."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyorg_pipeline import PythonOrgDownloads, cli
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.errors import DigestsMissingError
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.published import bundle_bytes, sha256_of

#: Of a series without a known signer.
TXZ, TGZ = "3.4.0/Python-3.4.0.tar.xz", "3.4.0/Python-3.4.0.tgz"
EXE = "3.4.0/python-3.4.0-amd64.exe"
CONTENTS = {TXZ: b"xz", TGZ: b"gzip", EXE: b"installer"}

Run = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replica]:
    """A site with two files that have bundles, one that has none, and its catalog."""
    with Replica([]) as site:
        for path, content in CONTENTS.items():
            site.add(path, content=content)
        for path in (TXZ, EXE):
            site.add(f"{path}.sigstore", content=bundle_bytes(sha256_of(CONTENTS[path])))
        fill(str(tmp_path / "home" / "catalog"), site.url)
        monkeypatch.setenv("PYORG_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("PYORG_SITE_URL", site.url)
        monkeypatch.chdir(tmp_path)
        yield site


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process: its exit code and output."""
    return lambda line: (cli.main(shlex.split(line)), *capsys.readouterr())


def test_a_verified_download_is_enough_to_lock_a_file(site: Replica, run: Run) -> None:
    code, out, err = run("lock 3.4.0")
    assert (code, out) == (1, "")
    assert err == (
        f"pyorg: 1 of 1 artifacts have no digest: {TXZ} (not recorded yet; `pyorg refresh "
        "--digests` or a verified download records it)\n"
    )
    downloaded = PythonOrgDownloads.download_artifact(TXZ)
    site.clear_requests()
    code, out, err = run("lock 3.4.0")
    sha256 = sha256_of(CONTENTS[TXZ])
    assert (code, err) == (0, "")
    assert out == f"# 2 bytes, {site.url}{TXZ}\n{sha256}  Python-3.4.0.tar.xz\n"
    assert not site.requests
    if shutil.which("sha256sum"):
        check = ["sha256sum", "-c", "--strict"]
        done = subprocess.run(check, input=out, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "Python-3.4.0.tar.xz: OK\n")
        downloaded.write_bytes(b"other")
        done = subprocess.run(check, input=out, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "Python-3.4.0.tar.xz: FAILED\n")


def test_a_selection_is_locked_as_json_or_for_a_dockerfile(site: Replica, run: Run) -> None:
    for path in (TXZ, EXE):
        PythonOrgDownloads.download_artifact(path)
    code, out, _ = run(f"lock {TXZ} --dockerfile {EXE}")
    assert (code, out.splitlines()) == (
        0,
        [
            f"ARG PYTHON_ORG={site.url}",
            "# 2 bytes",
            f"ADD --checksum=sha256:{sha256_of(b'xz')} ${{PYTHON_ORG}}{TXZ} ./",
            "# 9 bytes",
            f"ADD --checksum=sha256:{sha256_of(b'installer')} ${{PYTHON_ORG}}{EXE} ./",
        ],
    )
    code, out, _ = run("lock 3.4.0 --type windows-release --json")
    [locked] = json.loads(out)
    assert (code, locked["url"], locked["size"]) == (0, f"{site.url}{EXE}", 9)
    assert (locked["sha256"], locked["digest_source"]) == (sha256_of(b"installer"), "download")
    assert run(f"lock {TXZ} --json --dockerfile")[0] == 2
    assert run("lock")[0] == 2


@pytest.mark.usefixtures("site")
def test_a_list_is_never_incomplete(run: Run) -> None:
    PythonOrgDownloads.download_artifact(TXZ)
    PythonOrgDownloads.download_artifact(TGZ, verify=False)
    with pytest.raises(DigestsMissingError) as caught:
        PythonOrgDownloads.lock(*PythonOrgDownloads.list_version_artifacts(3, 4))
    assert caught.value.wanted == 3
    assert caught.value.failures[TGZ] == "the site publishes none"
    assert caught.value.failures.keys() == {TGZ, EXE}
    code, out, err = run(f"lock {TXZ} {TGZ} {EXE}")
    assert (code, out) == (1, "")
    assert err.startswith("pyorg: 2 of 3 artifacts have no digest: ")
