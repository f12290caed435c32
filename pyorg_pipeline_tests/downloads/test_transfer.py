"""Files from a real server into real folders, as long as nothing goes wrong on the way."""

from __future__ import annotations

import gzip
import logging
import os
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.downloads.download import Received
from pyorg_pipeline.errors import InvalidArgumentError, SiteStatusError, VerificationError
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.raw_server import RawServer, whole
from pyorg_pipeline_tests.support.transfers import NAME, OLD, PATH, fetch, names

BYTES = random.Random(1).randbytes(300_001)
DATE = datetime(2025, 10, 14, tzinfo=UTC)


@pytest.fixture
def replica() -> Iterator[Replica]:
    with Replica([]) as replica:
        replica.add(PATH, content=BYTES, last_modified=DATE)
        yield replica


@pytest.fixture
def client(replica: Replica) -> Iterator[SiteClient]:
    with SiteClient(replica.url, backoff=0) as client:
        yield client


@pytest.mark.parametrize("chunk_size", [1_000, 65_536, 1024 * 1024])
def test_a_file_arrives_whole_with_its_digest(
    replica: Replica, client: SiteClient, tmp_path: Path, chunk_size: int
) -> None:
    folder = tmp_path / "made" / "for it"
    done = fetch(client, PATH, folder, expected_size=len(BYTES), chunk_size=chunk_size)
    assert done.path == folder / NAME
    assert done.path.read_bytes() == BYTES
    assert (done.size, done.sha256) == (len(BYTES), sha256(BYTES).hexdigest())
    assert (done.fetched, done.resumed_from, done.proof, done.warning) == (True, 0, None, "")
    assert done.seconds > 0
    assert names(folder) == [NAME]
    assert len(replica.requests) == 1


def test_a_file_gets_the_permissions_that_the_user_gives_to_files(
    client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / "ordinary").touch()
    done = fetch(client, PATH, tmp_path)
    assert done.path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_a_folder_may_be_given_as_text(
    client: SiteClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fetch(client, PATH, ".").path == Path(NAME)
    assert names(tmp_path) == [NAME]


def test_a_file_of_no_bytes_arrives(replica: Replica, client: SiteClient, tmp_path: Path) -> None:
    replica.add("3.13.9/empty", content=b"")
    assert fetch(client, "3.13.9/empty", tmp_path, expected_size=0).size == 0
    assert names(tmp_path) == ["empty"]


def test_a_name_as_long_as_names_may_be_arrives(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    name = "x" * 255
    replica.add(name, content=BYTES)
    fetch(client, name, tmp_path)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a b&c.tgz", "a%2Fb", "caf\u00e9", "a#b", "a;b+c"])
def test_names_are_quoted_on_the_way(
    replica: Replica, client: SiteClient, tmp_path: Path, name: str
) -> None:
    replica.add(name, content=BYTES)
    assert fetch(client, name, tmp_path).path.read_bytes() == BYTES
    assert names(tmp_path) == [name]


@pytest.mark.parametrize(
    "path",
    [
        "3.13.9/..",
        "3.13.9/.",
        "3.13.9/",
        "",
        "3.13.9/a\\b",
        "3.13.9/a\0b",
        "3.13.9/aux.txt",
        "3.13.9/.bashrc",
        "../x",
        "3.13.9/../x",
        "/etc/passwd",
        "3.13.9//x",
    ],
)
def test_what_is_no_name_reaches_neither_the_site_nor_the_file_system(
    replica: Replica, client: SiteClient, tmp_path: Path, path: str
) -> None:
    folder = tmp_path / "never made"
    with pytest.raises(InvalidArgumentError):
        fetch(client, path, folder)
    assert names(tmp_path) == []
    assert replica.requests == []


def test_less_than_a_byte_at_a_time_is_refused(client: SiteClient, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="chunk_size=0"):
        fetch(client, PATH, tmp_path, chunk_size=0)


# What is asked, and what is made of the bytes


def test_the_bytes_are_asked_for_as_they_are(tmp_path: Path) -> None:
    with RawServer(lambda _: whole(BYTES)) as server, SiteClient(server.url) as client:
        fetch(client, PATH, tmp_path)
        headers = server.requests[0].headers
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("pyorg_pipeline/")
    assert "range" not in headers


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "br"])
def test_a_content_encoding_does_not_change_the_bytes(
    replica: Replica, client: SiteClient, tmp_path: Path, encoding: str
) -> None:
    """Some servers take the packing of a tarball for an encoding on the way."""
    packed = gzip.compress(BYTES)
    replica.replace(PATH, content=packed)
    replica.answer(PATH, Answer(headers={"Content-Encoding": encoding}))
    assert fetch(client, PATH, tmp_path, expected_size=len(packed)).size == len(packed)
    assert (tmp_path / NAME).read_bytes() == packed


def test_a_file_that_is_a_page_may_come_as_one(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    page = b"<!DOCTYPE html><title>a page</title>"
    replica.add("index.html", content=page)
    assert fetch(client, "index.html", tmp_path).path.read_bytes() == page


def test_a_file_that_only_is_called_a_page_is_taken(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    replica.answer(PATH, Answer(headers={"Content-Type": "text/html"}))
    assert fetch(client, PATH, tmp_path).path.read_bytes() == BYTES


def test_progress_is_told_from_nothing_to_the_whole(client: SiteClient, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    fetch(
        client,
        PATH,
        tmp_path,
        chunk_size=50_000,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[0] == (0, len(BYTES))
    assert told[-1] == (len(BYTES), len(BYTES))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert len(told) >= 7


def test_what_progress_raises_comes_out_and_the_next_call_goes_on(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    """Also an OSError, such as of a closed terminal: it is no trouble of the site's."""

    def progress(done: int, _: int | None) -> None:
        if done > 100_000:
            raise BrokenPipeError("the terminal is gone")

    with pytest.raises(BrokenPipeError):
        fetch(client, PATH, tmp_path, progress=progress, chunk_size=50_000)
    assert len(replica.requests) == 1
    assert fetch(client, PATH, tmp_path).resumed_from > 100_000
    assert (tmp_path / NAME).read_bytes() == BYTES


def test_a_user_who_stops_it_finds_it_going_on(client: SiteClient, tmp_path: Path) -> None:
    def progress(done: int, _: int | None) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(client, PATH, tmp_path, progress=progress, chunk_size=50_000)
    assert not (tmp_path / NAME).exists()
    assert fetch(client, PATH, tmp_path).resumed_from > 100_000
    assert names(tmp_path) == [NAME]


# Proof


def test_a_file_is_proven_before_it_gets_its_name(client: SiteClient, tmp_path: Path) -> None:
    seen: list[Received] = []

    def prove(received: Received) -> str:
        assert not (tmp_path / NAME).exists()
        assert received.path.read_bytes() == BYTES
        seen.append(received)
        return "by its digest"

    done = fetch(client, PATH, tmp_path, prove=prove)
    assert done.proof == "by its digest"
    assert seen == [
        Received(NAME, tmp_path / f".{NAME}.part", len(BYTES), sha256(BYTES).hexdigest())
    ]


def refuse(received: Received) -> None:
    raise VerificationError(
        received.name, "sha256", "0" * 64, received.sha256, "a bundle", "the bytes received"
    )


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_not_proven_leaves_nothing_and_takes_nothing_away(
    replica: Replica, client: SiteClient, tmp_path: Path, overwrite: bool
) -> None:
    if overwrite:
        (tmp_path / NAME).write_bytes(OLD)
    with pytest.raises(VerificationError) as caught:
        fetch(client, PATH, tmp_path, overwrite=overwrite, prove=refuse)
    assert caught.value.expected == "0" * 64
    assert caught.value.actual == sha256(BYTES).hexdigest()
    assert (caught.value.expected_source, caught.value.actual_source) == (
        "a bundle",
        "the bytes received",
    )
    assert len(replica.requests) == 1
    assert names(tmp_path) == [NAME] * overwrite
    if overwrite:
        assert (tmp_path / NAME).read_bytes() == OLD


def test_a_proof_that_cannot_be_had_now_does_not_cost_the_bytes(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    def prove(_: Received) -> None:
        raise SiteStatusError("the companion", "overloaded", 503)

    with pytest.raises(SiteStatusError):
        fetch(client, PATH, tmp_path, prove=prove)
    assert not (tmp_path / NAME).exists()
    ranges: list[str | None] = []

    def look(request: object) -> Answer:
        ranges.append(request.headers.get("Range"))  # type: ignore[attr-defined]
        return Answer()

    replica.answer(PATH, look)
    done = fetch(client, PATH, tmp_path, prove=lambda received: received.sha256)
    # The last byte is asked for again, which shows whether it still is the same file.
    assert ranges == [f"bytes={len(BYTES) - 1}-"]
    assert done.proof == sha256(BYTES).hexdigest()
    assert done.resumed_from == len(BYTES) - 1
    assert (tmp_path / NAME).read_bytes() == BYTES


# What is there already


def test_a_file_that_is_there_comes_back_without_a_request(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(b"x" * 10)
    done = fetch(client, PATH, tmp_path, expected_size=10, prove=refuse)
    assert (done.path, done.size, done.fetched) == (tmp_path / NAME, 10, False)
    assert (done.sha256, done.warning) == (None, "")
    assert replica.requests == []
    assert names(tmp_path) == [NAME]


def test_a_file_that_is_there_with_another_size_comes_with_a_warning(
    replica: Replica, client: SiteClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).write_bytes(b"x" * 10)
    with caplog.at_level(logging.WARNING):
        done = fetch(client, PATH, tmp_path, expected_size=len(BYTES))
    assert "has 10 bytes where the catalog knows 300,001" in done.warning
    assert "overwrite=True" in done.warning
    assert caplog.messages == [done.warning]
    assert replica.requests == []
    assert (tmp_path / NAME).read_bytes() == b"x" * 10


ENDINGS = (".part", ".part.json", ".part.json.new", ".lock")


def test_what_a_killed_call_left_beside_a_file_is_removed(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    """It was killed after its last rename, so that nobody else would need it."""
    for ending in ENDINGS:
        (tmp_path / f".{NAME}{ending}").touch()
    (tmp_path / NAME).write_bytes(OLD)
    (tmp_path / ".another.part").touch()
    fetch(client, PATH, tmp_path)
    assert sorted(names(tmp_path)) == [".another.part", NAME]
    assert replica.requests == []


def test_what_a_call_at_work_has_beside_a_file_is_left_to_it(
    client: SiteClient, tmp_path: Path
) -> None:
    for ending in ENDINGS:
        (tmp_path / f".{NAME}{ending}").touch()
    (tmp_path / NAME).write_bytes(OLD)
    with FileLock(tmp_path / f".{NAME}.lock"):
        assert not fetch(client, PATH, tmp_path).fetched
        assert len(names(tmp_path)) == len(ENDINGS) + 1


def test_a_file_that_is_there_is_replaced_if_that_is_wanted(
    client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(b"old")
    assert fetch(client, PATH, tmp_path, overwrite=True).fetched
    assert (tmp_path / NAME).read_bytes() == BYTES
    assert names(tmp_path) == [NAME]


def test_a_link_to_a_file_counts_as_the_file(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(b"old")
    (tmp_path / NAME).symlink_to("other")
    done = fetch(client, PATH, tmp_path, expected_size=3)
    assert (done.path, done.size, done.warning) == (tmp_path / NAME, 3, "")
    assert replica.requests == []


@pytest.mark.parametrize("target", ["other", "folder", "nowhere"])
def test_a_link_is_replaced_and_never_written_through(
    client: SiteClient, tmp_path: Path, target: str
) -> None:
    (tmp_path / "other").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / NAME).symlink_to(tmp_path / target)
    fetch(client, PATH, folder, overwrite=True)
    assert not (folder / NAME).is_symlink()
    assert (folder / NAME).read_bytes() == BYTES
    assert (tmp_path / "other").read_bytes() == b"old"
    assert names(tmp_path / "folder") == []
    assert not (tmp_path / "nowhere").exists()


# A folder of its own


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_without_a_folder_there_is_a_new_temporary_one(client: SiteClient, temporary: Path) -> None:
    done, another = fetch(client, PATH, None), fetch(client, PATH, None)
    assert done.path.read_bytes() == another.path.read_bytes() == BYTES
    assert done.path.parent.parent == temporary
    assert done.path.parent != another.path.parent


def test_a_temporary_folder_that_nothing_came_into_is_removed(
    replica: Replica, client: SiteClient, temporary: Path
) -> None:
    replica.answer(PATH, Answer(404))
    with pytest.raises(SiteStatusError):
        fetch(client, PATH, None)
    assert names(temporary) == []


# What others may have put there


@pytest.mark.parametrize("trap", ["link", "hard link"])
def test_a_link_where_the_bytes_go_first_is_never_written_through(
    client: SiteClient, tmp_path: Path, trap: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    folder = tmp_path / "shared"
    folder.mkdir()
    for ending in (".part", ".part.json", ".part.json.new"):
        place = folder / f".{NAME}{ending}"
        if trap == "link":
            place.symlink_to(victim)
        else:
            os.link(victim, place)
    fetch(client, PATH, folder)
    assert victim.read_bytes() == b"precious"
    assert (folder / NAME).read_bytes() == BYTES
    assert names(folder) == [NAME]


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b'{"inode": 1}',
        b'{"inode": %d, "boot": "", "served": {}}',
        b'{"inode": %d, "boot": "another", "served": {"url": 1}}',
    ],
)
def test_a_record_that_cannot_be_read_means_to_start_over(
    replica: Replica, client: SiteClient, tmp_path: Path, record: bytes
) -> None:
    part = tmp_path / f".{NAME}.part"
    part.write_bytes(b"of another version")
    if b"%d" in record:
        record = record % part.stat().st_ino
    (tmp_path / f".{NAME}.part.json").write_bytes(record)
    done = fetch(client, PATH, tmp_path)
    assert done.resumed_from == 0
    assert done.path.read_bytes() == BYTES
    assert names(tmp_path) == [NAME]
    assert len(replica.requests) == 1
