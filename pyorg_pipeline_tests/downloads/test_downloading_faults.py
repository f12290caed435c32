"""Faults that the facade's downloads meet: wrong signatures, kills, and other processes.

Faults of the site and of the folder are in site/test_transfer_faults.py and
site/test_transfer_destination.py.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyorg_pipeline import PythonOrgDownloads, VerificationError
from pyorg_pipeline.demo.replica.server import Answer, Replica, Request
from pyorg_pipeline.downloads.sigstore import can_verify
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.published import MEDIA_TYPES, bundle_bytes, sha256_of
from pyorg_pipeline_tests.support.shared_data import real_bundles

with_extra = pytest.mark.skipif(not can_verify(), reason="the extra `sigstore` is not installed")
with_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")

NAME = "Python-3.14.0.tar.xz"
PATH = f"3.14.0/{NAME}"
NEW = random.Random(1).randbytes(2_000_001)
OLD = b"an older good copy"
KILLS = 50


@pytest.fixture
def site() -> Iterator[Replica]:
    """A site with one artifact, whose bundle tells its digest."""
    with Replica([]) as replica:
        replica.add(PATH, content=NEW)
        replica.add(f"{PATH}.sigstore", content=bundle_bytes(sha256_of(NEW)))
        yield replica


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Replica) -> Path:
    """A PYORG_HOME with the catalog of that site."""
    for name in [name for name in os.environ if name.startswith(("PYORG_", "DAGSTER_"))]:
        if name != "PYORG_TEST_SHARED":
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("PYORG_HOME", str(home))
    fill(str(home / "catalog"), site.url)
    site.clear_requests()
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an older copy, which stays whatever happens."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / NAME).write_bytes(OLD)
    return folder


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def nobody_s(media_type: str) -> bytes:
    return bundle_bytes(sha256_of(NEW), media_type)


def another_signer_s() -> bytes:
    """A real bundle, by the release manager of 3.13."""
    return real_bundles()["3.13.0/Python-3.13.0.tgz"]


def with_a_changed_byte() -> bytes:
    """A real bundle of the series' own release manager, but for one byte of its signature."""
    whole = json.loads(real_bundles()["3.14.0/Python-3.14.0.tar.xz"])
    signature = whole["messageSignature"]["signature"]
    changed = ("A" if signature[20] != "A" else "B").join((signature[:20], signature[21:]))
    whole["messageSignature"]["signature"] = changed
    return json.dumps(whole).encode()


@with_extra
@pytest.mark.parametrize(
    "bundle",
    [*MEDIA_TYPES, another_signer_s, with_a_changed_byte],
    ids=["nobody's, 0.1", "nobody's, 0.2", "nobody's, 0.3", "another signer's", "a changed byte"],
)
@pytest.mark.usefixtures("home")
def test_a_wrong_signature_is_refused_before_the_artifact_is_asked_for(
    site: Replica, folder: Path, bundle: object
) -> None:
    content = bundle() if callable(bundle) else nobody_s(str(bundle))
    site.replace(f"{PATH}.sigstore", content=content)
    with pytest.raises(VerificationError) as caught:
        PythonOrgDownloads.download_artifact(
            PATH, destination_dir=folder, overwrite=True, verify="signature"
        )
    error = caught.value
    assert (error.what, error.subject) == ("signature", f"{PATH}.sigstore")
    assert error.expected.startswith("hugo@python.org's (issuer https://github.com/login/oauth)")
    assert error.actual.startswith("not verified: ")
    assert [request.path for request in site.requests] == [f"{PATH}.sigstore"]
    assert names(folder) == [NAME]
    assert (folder / NAME).read_bytes() == OLD


@with_extra
@pytest.mark.usefixtures("home")
def test_other_bytes_than_those_that_were_signed_are_refused(site: Replica, folder: Path) -> None:
    site.replace(f"{PATH}.sigstore", content=real_bundles()[PATH])
    with pytest.raises(VerificationError) as caught:
        PythonOrgDownloads.download_artifact(
            PATH, destination_dir=folder, overwrite=True, verify="signature"
        )
    assert (caught.value.what, caught.value.actual) == ("SHA-256", sha256_of(NEW))
    assert names(folder) == [NAME]
    assert (folder / NAME).read_bytes() == OLD


@with_fork
@pytest.mark.usefixtures("home")
def test_killed_at_any_of_50_random_moments_the_next_call_succeeds(folder: Path) -> None:
    """Whatever the moment: the final name holds the old file, or the new one, or nothing."""
    from pyorg_pipeline_tests.support.downloading_processes import start_download  # noqa: PLC0415  # forks

    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown where it fails
    chance = random.Random(seed)
    [artifact] = PythonOrgDownloads.list_version_artifacts(3, 14)
    takes = 0.0
    killed = cut = 0
    for number in range(20 * KILLS):
        had_a_copy = number % 2 == 0
        shutil.rmtree(folder)
        folder.mkdir()
        if had_a_copy:
            (folder / NAME).write_bytes(OLD)
        started = start_download(artifact, folder, overwrite=had_a_copy, stream_chunk_size=16_384)
        begun = time.monotonic()
        # The first one tells how long it takes, and whichever else comes to its end.
        if number:
            started.told.poll(chance.uniform(0, takes))
            started.process.kill()
        outcome = started.outcome()
        if outcome:
            takes = 1.2 * (time.monotonic() - begun)
        was_killed = started.process.exitcode == -signal.SIGKILL
        started.close()
        assert was_killed or outcome == str(folder / NAME)
        killed += was_killed and not outcome
        cut += f".{NAME}.part" in names(folder)
        if (folder / NAME).exists():
            assert (folder / NAME).read_bytes() in ((OLD, NEW) if had_a_copy else (NEW,))
        else:
            assert not had_a_copy
        path = PythonOrgDownloads.download_artifact(
            artifact, destination_dir=folder, overwrite=had_a_copy
        )
        assert path.read_bytes() == NEW
        assert names(folder) == [NAME]
        if killed == KILLS:
            break
    assert killed == KILLS
    # Not all of them before the first byte, nor after the last.
    assert cut >= KILLS / 10


@with_fork
@pytest.mark.usefixtures("home")
def test_eight_processes_that_ask_for_one_artifact_fetch_it_once(
    site: Replica, tmp_path: Path
) -> None:
    from pyorg_pipeline_tests.support.downloading_processes import start_download  # noqa: PLC0415  # forks

    [artifact] = PythonOrgDownloads.list_version_artifacts(3, 14)
    hold = threading.Event()
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(hold=hold)

    site.answer(PATH, answer)
    folder = tmp_path / "made for it"
    started = [start_download(artifact, folder) for _ in range(8)]
    hold.set()
    assert [one.outcome() for one in started] == [str(folder / NAME)] * 8
    for one in started:
        one.close()
    assert asked == [PATH]
    assert (folder / NAME).read_bytes() == NEW
    assert names(folder) == [NAME]
