"""Holds the replica against a real nginx: every page of the record, and every request of the cases.

    python -m pyorg_pipeline_tests.demo.compare_with_nginx [--keep]

needs an nginx on the PATH (or under /usr/sbin) and 300 MB of sparse files in the temporary folder
(a few MB on disk). It prints every difference and ends with 1 if there is one. `--keep` writes what
nginx answered to the test data, which is how they were made.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from pyorg_pipeline.demo.replica.record import RecordedEntry, read_record
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline_tests.demo.nginx_cases import (
    DATA,
    DATE,
    KEPT_PAGES,
    ODD_PAGE,
    Case,
    Exchange,
    cases,
    exchange,
    keep_answers,
    odd_files,
    odd_replica,
)

_MIME_TYPES = Path("/etc/nginx/mime.types")
_CONFIGURATION = """
daemon off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 256; }}
http {{
  include {mime_types};
  default_type application/octet-stream;
  access_log off;
  server_tokens off;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
  uwsgi_temp_path t4; scgi_temp_path t5;
  server {{
    listen 127.0.0.1:{port};
    root root;
    index no-such-index-page;
    # Several ranges in one request are left out of the replica.
    max_ranges 1;
    autoindex on;
    autoindex_exact_size on;
    autoindex_localtime off;
  }}
}}
"""


def _program() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SystemExit("there is no nginx on the PATH")
    return found


@contextmanager
def _nginx(folder: Path) -> Iterator[str]:
    """A running nginx that serves `folder`/root; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = _CONFIGURATION.format(port=port, mime_types=_MIME_TYPES)
    (folder / "nginx.conf").write_text(text)
    folder.chmod(0o755)
    command = [_program(), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}/ftp/python/"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nginx ended with {process.returncode}")


def _make_record_tree(root: Path, entries: list[RecordedEntry]) -> None:
    for entry in entries:
        path = root / entry.path
        if entry.size is None:
            path.mkdir(parents=True)
        else:
            path.touch()
            os.truncate(path, entry.size)
    # At last: what is put into a directory moves its date.
    for entry in entries:
        os.utime(root / entry.path, times=(0, entry.last_modified.timestamp()))


def _make_odd_tree(root: Path) -> None:
    for path, content in odd_files():
        if path.endswith("/"):
            (root / path).mkdir(parents=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
    for made in root.rglob("*"):
        os.utime(made, times=(0, DATE.timestamp()))


def _differs(case: Case, theirs: Exchange, ours: Exchange) -> bool:
    if theirs == ours:
        return False
    sys.stdout.write(f"{case}\n  nginx   {theirs}\n  replica {ours}\n")
    return True


def _compare_record(*, keep: bool) -> tuple[int, int]:
    entries = read_record()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "root", "ftp", "python")
        root.mkdir(parents=True)
        _make_record_tree(root, entries)
        with _nginx(Path(temporary)) as url, Replica(entries) as replica:
            asked = differing = 0
            for path in ["", *(entry.path for entry in entries)]:
                method = "HEAD" if path and not path.endswith("/") else "GET"
                case = Case(method, "/ftp/python/" + quote(path), {})
                theirs, ours = exchange(url, case), exchange(replica.url, case)
                asked += 1
                differing += _differs(case, theirs, ours)
                if keep and path in KEPT_PAGES:
                    (DATA / KEPT_PAGES[path]).write_bytes(theirs.body.encode("latin-1"))
    return asked, differing


def _compare_cases(*, keep: bool) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "root", "ftp", "python")
        root.mkdir(parents=True)
        _make_odd_tree(root)
        with _nginx(Path(temporary)) as url, odd_replica() as replica:
            answers = [(case, exchange(url, case)) for case in cases()]
            differing = sum(
                _differs(case, theirs, exchange(replica.url, case)) for case, theirs in answers
            )
            if keep:
                keep_answers(answers)
                page = exchange(url, Case("GET", "/ftp/python/odd/", {}))
                (DATA / ODD_PAGE).write_bytes(page.body.encode("latin-1"))
    return len(answers), differing


def main() -> None:
    """Compare, and say what differs."""
    parser = argparse.ArgumentParser(description="Hold the replica against a real nginx.")
    parser.add_argument("--keep", action="store_true", help="write the test data anew")
    keep = parser.parse_args().keep
    asked, differing = (
        sum(pair)
        for pair in zip(_compare_record(keep=keep), _compare_cases(keep=keep), strict=True)
    )
    sys.stdout.write(f"{asked} requests, {differing} answers differ\n")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
