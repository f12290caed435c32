"""The replica answers as a real nginx does, where one is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from pyorg_pipeline.demo.replica.record import read_record
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline_tests.demo.asking import Answered, ask

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIGURATION = """
daemon off;
{user}
pid nginx.pid;
error_log error.log;
events {{ worker_connections 64; }}
http {{
  types {{ text/html html; }}
  default_type application/octet-stream;
  access_log off;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
  uwsgi_temp_path t4; scgi_temp_path t5;
  server {{ listen 127.0.0.1:{port}; root root; index none; autoindex on; }}
}}
"""
SOURCE = "3.13.9/Python-3.13.9.tgz"
DIRECTORIES = ("", "2.2.3/", "3.13.9/", "src/", "odd/")
ODD_NAMES = [*("a b", "a&b", "a<b>", "a%2Fb", "a#b?c", "a+b"), "x" * 49, "x" * 50, "x" * 51]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an nginx that serves some directories of the record and one of odd names."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    root = folder / "root" / "ftp" / "python"
    root.mkdir(parents=True)
    for path, size, date, *_ in read_record():
        made = root / path
        if size is None:
            made.mkdir()
        elif path.startswith(DIRECTORIES[1:]) or "/" not in path:
            made.touch()
            os.truncate(made, size)
            os.utime(made, times=(0, date.timestamp()))
    (root / "odd").mkdir()
    for name in ODD_NAMES:
        (root / "odd" / name).touch()
        (root / "odd" / f"d{name}").mkdir()
    for made in (root / "odd").iterdir():
        os.utime(made, times=(0, 0))
    for path, size, date, *_ in read_record():
        if size is None:  # at last: what is put into a directory moves its date
            os.utime(root / path, times=(0, date.timestamp()))
    os.utime(root / "odd", times=(0, 0))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    # Its worker would otherwise be a user who may not read the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(CONFIGURATION.format(port=port, user=user))
    process = subprocess.Popen([NGINX, "-p", folder, "-c", "nginx.conf"])
    try:
        yield f"http://127.0.0.1:{wait_for(port, process)}/ftp/python/"
    finally:
        process.terminate()
        process.wait(60)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> int:
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return port
    pytest.fail(f"nginx ended with {process.returncode}")


@pytest.fixture(scope="module")
def replica() -> Iterator[str]:
    epoch = datetime.fromtimestamp(0, UTC)
    with Replica() as site:
        for name in ODD_NAMES:
            site.add(f"odd/{name}", size=0, last_modified=epoch)
            site.add(f"odd/d{name}/", last_modified=epoch)
        yield site.url


def comparable(answer: Answered, url: str) -> Answered:
    """Without what differs from server to server; of an error's page its title alone."""
    headers = {
        name: value.replace(url, "")
        for name, value in answer.headers.items()
        if name not in {"Date", "Server", "Connection"}
    }
    if answer.status >= 300:
        del headers["Content-Length"]
    return Answered(answer.status, headers, b"")


@pytest.mark.parametrize("path", DIRECTORIES)
def test_listings_are_byte_for_byte_those_of_nginx(nginx: str, replica: str, path: str) -> None:
    theirs, ours = ask(nginx, path), ask(replica, path)
    assert ours.body == theirs.body
    assert comparable(ours, replica) == comparable(theirs, nginx)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (SOURCE, {}),
        ("2.2.3/index.html", {}),
        ("3.13.9", {}),
        ("nix", {}),
        ("nix/", {}),
        (f"{SOURCE}/", {}),
        (SOURCE, {"Range": "bytes=10-19"}),
        (SOURCE, {"Range": "bytes=1000000-"}),
        (SOURCE, {"Range": "bytes=100000000-"}),
        (SOURCE, {"Range": "bytes=10-", "If_Range": '"other"'}),
        (SOURCE, {"Range": "bytes=10-", "If_Range": "{ETag}"}),
        (SOURCE, {"Range": "bytes=10-", "If_Range": "{Last-Modified}"}),
    ],
)
def test_files_and_redirects_are_answered_as_nginx_answers_them(
    nginx: str, replica: str, path: str, headers: dict[str, str]
) -> None:
    known = ask(nginx, SOURCE).headers
    sent = {name: value.format(**known) for name, value in headers.items()}
    theirs, ours = ask(nginx, path, **sent), ask(replica, path, **sent)
    assert comparable(ours, replica) == comparable(theirs, nginx)
    assert len(ours.body) == len(theirs.body) or ours.status >= 300
