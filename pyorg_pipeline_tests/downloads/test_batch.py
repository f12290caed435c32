"""Many downloads at once, and what becomes of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica, Request
from pyorg_pipeline.downloads.batch import Outcome, download_all, observing
from pyorg_pipeline.downloads.destinations import open_destination
from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.names import parse_name
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.downloading import CONTENTS, PATHS, halfway, site_with_digests
from pyorg_pipeline_tests.support.published import sha256_of

ONE, TWO, THREE = PATHS[:3]
#: Seconds until a test gives up on something that ought to happen.
PATIENCE = 30


@pytest.fixture
def site() -> Iterator[Replica]:
    with site_with_digests() as site:
        yield site


@pytest.fixture
def client(site: Replica) -> Iterator[SiteClient]:
    with SiteClient(site.url, retries=0, backoff=0) as client:
        yield client


def artifact(path: str, related: tuple[str, ...] = (".sigstore",)) -> PythonOrgArtifact:
    directory, _, name = path.partition("/")
    parsed = parse_name(name, directory)
    return PythonOrgArtifact(
        name=name,
        path=path,
        release_version=parsed.release_version,
        release_type=parsed.artifact_type,
        release_format=parsed.attributes,
        related=list(related),
        size=len(CONTENTS[path]),
        last_modified=None,
        url="",
    )


def download(
    client: SiteClient, paths: list[str], folder: Path, **options: Any
) -> dict[str, Outcome]:
    artifacts = [artifact(path) for path in paths]
    options.setdefault("concurrency", 4)
    done = list(download_all(client, artifacts, open_destination(folder), **options))
    assert len(done) == len(paths)
    return {outcome.path: outcome for outcome in done}


def names(folder: Path) -> set[str]:
    """What lies in a folder under names that are not hidden."""
    return {file.name for file in folder.glob("[!.]*")}


def test_each_artifact_ends_in_an_outcome_that_says_where_it_lies_and_what_proves_it(
    client: SiteClient, tmp_path: Path
) -> None:
    done = download(client, PATHS, tmp_path)
    assert done.keys() == set(PATHS)
    for path, outcome in done.items():
        file = tmp_path / path.rpartition("/")[2]
        assert file.read_bytes() == CONTENTS[path]
        assert outcome.seconds is not None
        assert outcome == Outcome(
            path=path,
            outcome="fetched",
            destination=str(file),
            bytes=len(CONTENTS[path]),
            seconds=outcome.seconds,
            proof="digest",
            sha256=sha256_of(CONTENTS[path]),
            sources=(f"the site's {file.name}.sigstore",),
        )


def test_what_fails_is_told_apart_from_what_fails_in_passing(
    client: SiteClient, site: Replica, tmp_path: Path
) -> None:
    site.answer(ONE, Answer(status=403))
    site.answer(TWO, Answer(status=503))
    done = download(client, [ONE, TWO, THREE], tmp_path)
    assert {path: (one.outcome, one.transient) for path, one in done.items()} == {
        ONE: ("failed", False),
        TWO: ("failed", True),
        THREE: ("fetched", False),
    }
    assert "403" in str(done[ONE].error)
    assert "503" in str(done[TWO].error)
    assert (done[ONE].destination, done[ONE].bytes) == (None, None)
    assert names(tmp_path) == {THREE.rpartition("/")[2]}


def test_a_destination_that_cannot_be_written_fails_each_in_words(
    client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    done = download(client, [ONE, TWO], tmp_path / "file")
    for outcome in done.values():
        assert (outcome.outcome, outcome.transient) == ("failed", False)
        assert str(tmp_path / "file") in str(outcome.error)


def test_no_more_transfers_are_under_way_than_allowed(
    client: SiteClient, site: Replica, tmp_path: Path
) -> None:
    lock, under_way, most = threading.Lock(), [0], [0]
    full = threading.Event()

    def answer(_request: Request) -> Answer:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            if under_way[0] == 2:
                full.set()
        # Each waits until another one is under way too, or there is none any more.
        full.wait(PATIENCE)
        with lock:
            under_way[0] -= 1
        return Answer()

    paths = PATHS[:6]
    for path in paths:
        site.answer(path, answer)
    done = download(client, paths, tmp_path, concurrency=2)
    assert {one.outcome for one in done.values()} == {"fetched"}
    assert most[0] == 2


@pytest.mark.parametrize("concurrency", [0, 33])
def test_a_concurrency_out_of_its_range_is_refused_at_once(
    client: SiteClient, tmp_path: Path, concurrency: int
) -> None:
    with pytest.raises(InvalidArgumentError, match="from 1 to 32"):
        download_all(client, [], open_destination(tmp_path), concurrency=concurrency)


def test_closing_it_cuts_off_what_is_under_way_and_leaves_no_half_file_and_no_thread(
    client: SiteClient, site: Replica, tmp_path: Path
) -> None:
    go_on = threading.Event()
    for path in (TWO, THREE):
        site.answer(path, halfway(go_on))
    artifacts = [artifact(path) for path in PATHS]
    try:
        with closing(
            download_all(client, artifacts, open_destination(tmp_path), concurrency=3)
        ) as transfers:
            assert next(transfers).outcome == "fetched"
            deadline = time.monotonic() + PATIENCE
            while not {TWO, THREE} <= {request.path for request in site.requests}:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        go_on.set()
    assert not names(tmp_path) & {TWO.rpartition("/")[2], THREE.rpartition("/")[2]}
    assert not [one for one in threading.enumerate() if one.name.startswith("downloads")]
    site.clear_answers()
    with SiteClient(site.url) as another:
        download(another, PATHS, tmp_path)
    for path in PATHS:
        assert (tmp_path / path.rpartition("/")[2]).read_bytes() == CONTENTS[path]


def test_whoever_observes_hears_how_far_each_one_is(client: SiteClient, tmp_path: Path) -> None:
    heard: dict[str, list[tuple[int, int | None]]] = {}

    def observer(one: PythonOrgArtifact) -> Any:
        told = heard.setdefault(one.path, [])
        return lambda done, total: told.append((done, total))

    with observing(observer):
        download(client, [ONE, TWO], tmp_path)
    download(client, [THREE], tmp_path)
    assert heard.keys() == {ONE, TWO}
    for path, told in heard.items():
        size = len(CONTENTS[path])
        assert told[0] == (0, size)
        assert told[-1] == (size, size)
