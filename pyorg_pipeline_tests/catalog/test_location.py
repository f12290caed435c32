"""Whole files under their names, locally and behind a URL."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pyorg_pipeline.catalog.location import (
    TEMPORARY_PREFIX,
    FsspecLocation,
    LocalLocation,
    Location,
    open_location,
)
from pyorg_pipeline.errors import CatalogError, InvalidArgumentError
from pyorg_pipeline_tests.support.processes import started
from pyorg_pipeline_tests.support.watching import sizes_at_every_line


@pytest.fixture(params=["local", "memory", "s3"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "s3":
        return open_location(request.getfixturevalue("s3_url"))
    local = request.param == "local"
    url = str(tmp_path / "catalog") if local else f"memory://{secrets.token_hex(8)}/catalog"
    return open_location(url)


def test_files_are_written_listed_by_name_and_deleted(location: Location) -> None:
    assert location.stamps("folder") == {}
    assert location.stamp("folder/a.parquet") is None
    for name in ("b", "a", "3.9.0"):
        location.write(f"folder/{name}.parquet", b"one")
        first = location.stamp(f"folder/{name}.parquet")
        assert location.stamp(f"folder/{name}.parquet") == first is not None
        location.write(f"folder/{name}.parquet", name.encode())
        assert location.stamp(f"folder/{name}.parquet") not in (first, None)
    assert list(location.stamps("folder")) == ["3.9.0.parquet", "a.parquet", "b.parquet"]
    assert location.read("folder/a.parquet") == b"a"
    for name in ("folder/a.parquet", "folder/a.parquet", "no folder/a.parquet"):
        location.delete(name)
    assert list(location.stamps("folder")) == ["3.9.0.parquet", "b.parquet"]
    assert location.stamp("folder/a.parquet") is None
    with pytest.raises(FileNotFoundError):
        location.read("folder/a.parquet")


def test_a_file_that_cannot_be_deleted_is_an_error_of_ours(tmp_path: Path) -> None:
    location = LocalLocation(tmp_path)
    location.write("name", b"one")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CatalogError, match="folder cannot be removed: "):
        location.delete("folder")
    location.delete("name/below a file")
    assert location.read("name") == b"one"


def test_a_local_stamp_changes_even_if_size_and_time_do_not(tmp_path: Path) -> None:
    location = LocalLocation(tmp_path)
    stamps = set()
    for content in (b"one", b"two"):
        location.write("name", content)
        os.utime(tmp_path / "name", ns=(1, 1))
        stamps.add(location.stamp("name"))
    assert len(stamps) == 2


def test_a_file_of_another_host_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="'file://host/x' is a file of another host"):
        open_location("file://host/x")
    assert open_location("file://localhost/x").text == "/x"


def test_a_url_is_local_or_of_fsspec_and_shown_without_credentials(tmp_path: Path) -> None:
    for url, folder in [(str(tmp_path), tmp_path), (f"file://{tmp_path}/a%20b", tmp_path / "a b")]:
        location = open_location(url)
        assert isinstance(location, LocalLocation)
        assert location.folder == folder
    assert isinstance(open_location("memory://x"), FsspecLocation)
    assert open_location("memory://me:secret@bucket/a").text == "memory://bucket/a"
    web = open_location("http://127.0.0.1:9/catalog")
    with pytest.raises(CatalogError, match="9/catalog can only be read: web servers store no"):
        web.write("name", b"one")
    with pytest.raises(InvalidArgumentError, match="URL 'nonsense://x' cannot be used: Protocol"):
        open_location("nonsense://me:secret@x")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Location]:
    """A catalog at S3, in an environment that names no credentials and no endpoint."""
    s3fs = pytest.importorskip("s3fs")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    yield open_location("s3://bucket/catalog")
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "Unable to locate credentials"),
        ({"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "Invalid endpoint: nonsense"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect to the endpoint URL: "),
    ],
)
def test_s3_without_credentials_or_endpoint_is_one_line_with_what_to_do(
    s3: Location, monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], reason: str
) -> None:
    if "AWS_ENDPOINT_URL" in variables:
        variables = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", **variables}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: s3.read("name"), "read"),
        (lambda: s3.stamp("name"), "read"),
        (lambda: s3.stamps("name"), "read"),
        (lambda: s3.write("name", b"one"), "written"),
        (lambda: s3.delete("name"), "removed"),
    ]
    for call, done in calls:
        with pytest.raises(CatalogError) as raised:
            call()
        text = str(raised.value)
        assert text.startswith(f"s3://bucket/catalog/name cannot be {done}: {reason}")
        assert "; check the URL, the network, and the credentials and endpoint in the " in text
        assert "\n" not in text


def test_a_full_disk_is_an_error_of_ours_and_the_old_file_stays(tmp_path: Path) -> None:
    """The limit on a process's file size makes the kernel refuse as a full disk does."""
    program = f"""
import resource, signal
from pathlib import Path
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.errors import CatalogError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
location = LocalLocation(Path({str(tmp_path)!r}))
location.write("name", b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    location.write("name", b"x" * 5000)
except CatalogError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert os.strerror(errno.EFBIG) in done.stdout
    assert "the old file is kept" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["name"]
    assert (tmp_path / "name").read_bytes() == b"old"


def test_a_file_is_the_old_or_the_new_one_at_every_line(tmp_path: Path) -> None:
    location = LocalLocation(tmp_path)
    location.write("name", b"old")
    with sizes_at_every_line(tmp_path / "name") as sizes:
        location.write("name", b"newer")
    assert sizes == {3, 5}


def test_a_file_is_synced_whole_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename that reaches the disk before the bytes would leave an empty file at a power cut."""
    synced: list[tuple[int, bytes]] = []

    def fsync(descriptor: int) -> None:
        really_fsync(descriptor)
        synced.append((os.fstat(descriptor).st_size, location.read("name")))

    really_fsync = os.fsync
    location = LocalLocation(tmp_path)
    location.write("name", b"old")
    monkeypatch.setattr(os, "fsync", fsync)
    location.write("name", b"newer")
    assert synced == [(5, b"old")]


def test_a_killed_writer_leaves_a_whole_file_and_its_rest_is_swept(
    tmp_path: Path,
) -> None:
    """Killed in the middle of many writes, wherever that happens to be."""
    old, new = b"a" * 300_000, b"b" * 300_000
    program = f"""
from pathlib import Path
from pyorg_pipeline.catalog.location import LocalLocation
location = LocalLocation(Path({str(tmp_path)!r}))
print("ready", flush=True)
while True:
    location.write("name", {old[:1]!r} * 300_000)
    location.write("name", {new[:1]!r} * 300_000)
"""
    location = LocalLocation(tmp_path)
    location.write("name", old)
    for _ in range(5):
        with started([sys.executable, "-c", program], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            stamp = location.stamp("name")
            while location.stamp("name") == stamp:
                pass
            writer.send_signal(signal.SIGKILL)
        assert location.read("name") in (old, new)
    (tmp_path / f"{TEMPORARY_PREFIX}rest").write_bytes(b"half")
    location.sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["name"]
