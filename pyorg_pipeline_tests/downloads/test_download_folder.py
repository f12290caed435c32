"""Folders in which the file cannot be written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.errors import DestinationError
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.transfers import BYTES, NAME, OLD, PATH, contents, fetch, names


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small file system; the test is skipped where this user may not."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("this user may not mount file systems")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_file_system_is_reported_and_the_next_call_resumes(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    with mounted(tmp_path / "small", "size=320k") as folder:
        (folder / NAME).write_bytes(OLD)
        (folder / "ballast").write_bytes(bytes(150_000))
        with pytest.raises(DestinationError, match="file system is full; free some") as caught:
            fetch(client, PATH, folder, overwrite=True)
        assert caught.value.path == str(folder / f".{NAME}.part")
        assert len(replica.requests) == 1
        assert (folder / NAME).read_bytes() == OLD
        (folder / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=2m", str(folder)], check=True)
        assert fetch(client, PATH, folder, overwrite=True).resumed_from > 0
        assert contents(folder) == {NAME: BYTES}


def test_a_read_only_file_system_is_reported_without_a_request(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    with mounted(tmp_path / "small", "size=1m") as folder:
        (folder / NAME).write_bytes(OLD)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        for destination in (folder, folder / "made" / "for it"):
            with pytest.raises(DestinationError, match="read-only"):
                fetch(client, PATH, destination, overwrite=True)
        assert names(folder) == [NAME]
        assert fetch(client, PATH, folder).size == len(OLD)
    # The root of the file system is an inode, too.
    with mounted(folder, "nr_inodes=1"), pytest.raises(DestinationError, match="full"):
        fetch(client, PATH, folder)
    assert replica.requests == []


def test_a_folder_without_write_permission_is_reported_without_a_request(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(DestinationError, match="not permitted"):
        fetch(client, PATH, folder)
    assert replica.requests == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_a_folder_that_takes_no_files_is_reported_without_a_request(
    replica: Replica, client: SiteClient
) -> None:
    with pytest.raises(DestinationError, match="files cannot be created there; choose another"):
        fetch(client, PATH, Path("/proc"))
    assert replica.requests == []


def link_to_nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize(
    ("make", "words", "overwrite"),
    [
        (Path.mkdir, "a directory is in the way; remove or rename it", False),
        (Path.mkdir, "a directory is in the way; remove or rename it", True),
        (os.mkfifo, "a device or a pipe is in the way", False),
        (os.mkfifo, "a device or a pipe is in the way", True),
        (link_to_nowhere, "a dangling link, .* is in the way; remove", False),
        (lambda path: path.symlink_to(path.name), "a dangling link, .* is in the way", False),
    ],
)
def test_anything_in_the_way_of_a_file_costs_no_request(
    replica: Replica,
    client: SiteClient,
    tmp_path: Path,
    make: Callable[[Path], None],
    words: str,
    overwrite: bool,
) -> None:
    make(tmp_path / NAME)
    before = (tmp_path / NAME).lstat()
    with pytest.raises(DestinationError, match=words):
        fetch(client, PATH, tmp_path, overwrite=overwrite)
    assert names(tmp_path) == [NAME]
    assert (tmp_path / NAME).lstat() == before
    assert replica.requests == []


@pytest.mark.parametrize("below", ["", "deeper/still"])
@pytest.mark.parametrize("make", [Path.touch, link_to_nowhere])
def test_anything_in_the_way_of_a_folder_costs_no_request(
    replica: Replica, client: SiteClient, tmp_path: Path, make: Callable[[Path], None], below: str
) -> None:
    make(tmp_path / "folder")
    with pytest.raises(DestinationError, match="in the way; choose another folder"):
        fetch(client, PATH, tmp_path / "folder" / below)
    assert names(tmp_path) == ["folder"]
    with pytest.raises(DestinationError, match="too long"):
        fetch(client, PATH, tmp_path / ("x" * 300))
    assert replica.requests == []


def test_a_directory_that_appears_meanwhile_costs_no_bytes(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    def progress(done: int, _: int | None) -> None:
        if done == len(BYTES):
            (tmp_path / NAME).mkdir()

    with pytest.raises(DestinationError, match="a directory is in the way"):
        fetch(client, PATH, tmp_path, progress=progress)
    (tmp_path / NAME).rmdir()
    assert fetch(client, PATH, tmp_path).resumed_from == len(BYTES) - 1
    assert (tmp_path / NAME).read_bytes() == BYTES
    assert len(replica.requests) == 2
