"""Downloads from a real server into real folders, without faults."""

from __future__ import annotations

import gzip
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    InvalidArgumentError,
    SiteStatusError,
    SiteUnreachableError,
)
from pyorg_pipeline.model.downloads import Download, Verification
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.transfers import BYTES, NAME, OLD, PATH, contents, fetch, names
from pyorg_pipeline_tests.support.watching import sizes_at_every_line

DIGEST = sha256(BYTES).hexdigest()


@pytest.mark.parametrize("chunk_size", [1_000, 1024 * 1024])
def test_a_file_arrives_whole_with_its_digest(
    replica: Replica, client: SiteClient, tmp_path: Path, chunk_size: int
) -> None:
    folder = tmp_path / "new" / "folder"
    (tmp_path / "ordinary").touch()
    reported: list[tuple[int, int | None]] = []
    done = fetch(
        client,
        PATH,
        folder,
        size=len(BYTES),
        sha256=DIGEST,
        stream_chunk_size=chunk_size,
        progress=lambda count, total: reported.append((count, total)),
    )
    assert done.destination == str(folder / NAME)
    assert (folder / NAME).read_bytes() == BYTES
    assert (folder / NAME).stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert replace(done, seconds=0) == Download(
        done.artifact,
        str(folder / NAME),
        len(BYTES),
        fetched=True,
        sha256=DIGEST,
        verification=Verification("digest", DIGEST, ("the catalog, from sigstore",)),
    )
    assert done.seconds > 0
    assert names(folder) == [NAME]
    assert len(replica.requests) == 1
    counts = [count for count, _ in reported]
    assert (counts[0], counts[-1]) == (0, len(BYTES))
    assert counts == sorted(set(counts))
    assert {total for _, total in reported} == {len(BYTES)}


@pytest.mark.parametrize(
    "name", ["a b&c.exe", "a%2Fb", "caf\u00e9", "a#b", "a;b+c", pytest.param("x" * 240, id="long")]
)
def test_any_valid_name_is_downloaded(
    replica: Replica, client: SiteClient, tmp_path: Path, name: str
) -> None:
    content = b"" if name == "a#b" else BYTES
    replica.add(name, content=content)
    fetch(client, name, tmp_path, size=len(content))
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize(
    "path",
    [
        *("3.13.9/..", "3.13.9/", "", "3.13.9/a\\b", "3.13.9/.bashrc"),
        *("../x", "3.13.9/../x", "/etc/passwd", "3.13.9//x"),
    ],
)
def test_an_invalid_path_reaches_neither_the_site_nor_the_disk(
    replica: Replica, client: SiteClient, tmp_path: Path, path: str
) -> None:
    with pytest.raises(InvalidArgumentError):
        fetch(client, path, tmp_path / "never made")
    with pytest.raises(InvalidArgumentError, match="stream_chunk_size 0"):
        fetch(client, PATH, tmp_path / "never made", stream_chunk_size=0)
    assert names(tmp_path) == []
    assert replica.requests == []


# Requests and interruptions


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_content_encoding_does_not_change_the_bytes(
    replica: Replica, client: SiteClient, tmp_path: Path, encoding: str
) -> None:
    """Some servers declare the compression of a tarball as an encoding."""
    packed = gzip.compress(BYTES)
    replica.replace(PATH, content=packed)
    replica.answer(PATH, Answer(headers={"Content-Encoding": encoding}))
    fetch(client, PATH, tmp_path, size=len(packed))
    assert (tmp_path / NAME).read_bytes() == packed


@pytest.mark.parametrize("error", [BrokenPipeError, KeyboardInterrupt, None])
def test_an_interrupted_or_cancelled_call_ends_and_the_next_one_resumes(
    replica: Replica,
    connect: Callable[..., SiteClient],
    tmp_path: Path,
    error: type[BaseException] | None,
) -> None:
    """An OSError of the callback, as of a closed terminal, is not retried."""
    client = connect(replica.url)

    def progress(done: int, _: int | None) -> None:
        if done > 100_000:
            if error is not None:
                raise error
            client.cancel()

    with pytest.raises(error or SiteUnreachableError):
        fetch(client, PATH, tmp_path, progress=progress, stream_chunk_size=50_000)
    assert not (tmp_path / NAME).exists()
    assert len(replica.requests) == 1
    assert fetch(connect(replica.url), PATH, tmp_path).resumed_from > 100_000
    assert contents(tmp_path) == {NAME: BYTES}


# Existing files


@pytest.mark.parametrize("size", [10, len(BYTES)])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_an_existing_file_is_returned_without_a_request(
    replica: Replica,
    client: SiteClient,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    size: int,
    kind: str,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    target = tmp_path / "target" if kind == "link" else folder / NAME
    target.write_bytes(b"x" * 10)
    if kind == "link":
        (folder / NAME).symlink_to(target)
    with caplog.at_level(logging.WARNING):
        done = fetch(client, PATH, folder, size=size, sha256="0" * 64)
    assert (done.destination, done.size, done.fetched) == (str(folder / NAME), 10, False)
    assert (done.sha256, done.verification) == (None, None)
    assert caplog.messages == [f"{folder / NAME}: {done.note}"]
    expected = "was not verified; verify='digest'" if size == 10 else "10 bytes where the catalog"
    assert expected in done.note
    assert replica.requests == []
    assert names(folder) == [NAME]
    assert (folder / NAME).read_bytes() == b"x" * 10


HIDDEN = [f".{NAME}{ending}" for ending in (".part", ".part.json", ".lock")]


def test_leftovers_of_a_killed_call_beside_an_existing_file_are_removed(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    for name in [*HIDDEN, NAME, ".another.part"]:
        (tmp_path / name).touch()
    with FileLock(tmp_path / f".{NAME}.lock"):
        # Those of an active call stay.
        assert not fetch(client, PATH, tmp_path).fetched
    assert len(names(tmp_path)) == len(HIDDEN) + 2
    fetch(client, PATH, tmp_path)
    assert sorted(names(tmp_path)) == [".another.part", NAME]
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


@pytest.mark.parametrize("old", [OLD, None])
def test_at_every_line_the_final_name_is_the_old_or_new_file(
    client: SiteClient, tmp_path: Path, old: bytes | None
) -> None:
    if old is not None:
        (tmp_path / NAME).write_bytes(old)
    with sizes_at_every_line(tmp_path / NAME) as sizes:
        fetch(client, PATH, tmp_path, overwrite=True)
    assert sizes == {None if old is None else len(old), len(BYTES)}
    assert (tmp_path / NAME).read_bytes() == BYTES


@pytest.mark.skipif(os.name == "nt", reason="folders are synced on POSIX")
def test_a_file_is_synced_before_its_name_and_its_folders_after(
    client: SiteClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut must neither leave an empty file nor take away the folder of a complete one."""
    synced: list[tuple[int, bytes]] = []

    def fsync(descriptor: int) -> None:
        really_fsync(descriptor)
        synced.append((os.fstat(descriptor).st_ino, (tmp_path / NAME).read_bytes()))

    really_fsync = os.fsync
    (tmp_path / NAME).write_bytes(OLD)
    monkeypatch.setattr(os, "fsync", fsync)
    fetch(client, PATH, tmp_path, overwrite=True)
    file, folder = (tmp_path / NAME).stat().st_ino, tmp_path.stat().st_ino
    assert synced == [(file, OLD), (folder, BYTES)]
    synced.clear()
    fetch(client, PATH, tmp_path / "new" / "folder")
    assert {inode for inode, _ in synced} >= {folder, (tmp_path / "new").stat().st_ino}


# Temporary folders


def test_without_a_folder_a_new_temporary_one_is_made(
    replica: Replica, client: SiteClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    paths = {Path(fetch(client, PATH, None).destination) for _ in range(2)}
    assert [path.read_bytes() for path in paths] == [BYTES, BYTES]
    assert {path.parent.parent for path in paths} == {tmp_path}
    replica.answer(PATH, Answer(404))
    with pytest.raises(SiteStatusError):
        fetch(client, PATH, None)
    # That of a failed download is removed.
    assert {path.parent for path in paths} == set(tmp_path.iterdir())


# Links and pipes that others made


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("trap", ["link", "hard link", "pipe"])
def test_a_link_in_place_of_a_partial_file_is_never_written_through(
    client: SiteClient, tmp_path: Path, trap: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    folder = tmp_path / "shared"
    folder.mkdir()
    for name in HIDDEN[:2]:
        if trap == "link":
            (folder / name).symlink_to(victim)
        elif trap == "hard link":
            os.link(victim, folder / name)
        else:
            os.mkfifo(folder / name)
    fetch(client, PATH, folder)
    assert victim.read_bytes() == b"precious"
    assert contents(folder) == {NAME: BYTES}
