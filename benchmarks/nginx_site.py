"""A real nginx on loopback that serves the recorded tree, as python.org does.

The files are sparse: recorded sizes and dates, no bytes. Needs `nginx`, and for latency its echo
module (Debian: libnginx-mod-http-echo).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from pyorg_pipeline.demo.replica.tree import read_record

#: None if it is not installed.
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
ECHO_MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")

_CONFIGURATION = """\
{module}
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  sendfile on;
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000;
  types {{ text/html html; }}
  default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port};
    root {tree};
    index no-index-page;
    autoindex on;
    autoindex_exact_size on;
    {locations}
  }}
}}
"""


def build_tree(folder: Path, *, left_out: Callable[[str], bool] | None = None) -> Path:
    """Make the recorded tree below folder/ftp/python, unless it exists; returns `folder`.

    Paths below the site's root for which `left_out` returns true are not made.
    """
    root = folder / "ftp" / "python"
    done = folder / "tree-is-complete"
    if done.exists():
        return folder
    entries = [entry for entry in read_record() if left_out is None or not left_out(entry.path)]
    for entry in entries:
        path = root / entry.path
        if entry.path.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(entry.size or 0)
        _touch(path, entry.last_modified.timestamp())
    # Deepest first: making an entry moves the date of its parent.
    for entry in sorted(entries, key=lambda entry: -entry.path.count("/")):
        if entry.path.endswith("/"):
            _touch(root / entry.path, entry.last_modified.timestamp())
    done.touch()
    return folder


def _touch(path: Path, seconds: float) -> None:
    os.utime(path, (seconds, seconds))


@contextmanager
def nginx_site(tree: Path, *, latency: float = 0) -> Iterator[str]:
    """Serve a tree that build_tree made, each request after `latency` seconds; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    module, locations = "", ""
    if latency:
        module = f"load_module {ECHO_MODULE};"
        locations = f"location / {{ echo_sleep {latency}; echo_exec @tree; }} location @tree {{ }}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                module=module,
                # A worker of root's nginx is another user otherwise, who may not read the folder.
                user="user root;" if os.geteuid() == 0 else "",
                folder=folder,
                port=port,
                tree=tree,
                locations=locations,
            )
        )
        if NGINX is None:
            raise SystemExit("nginx is not installed: these benchmarks need it")
        server = subprocess.Popen([NGINX, "-p", name, "-c", str(configuration)])
        try:
            url = f"http://127.0.0.1:{port}/ftp/python/"
            _wait_for(url, server)
            yield url
        finally:
            server.terminate()
            server.wait(10)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            with urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nginx ended with status {server.returncode}")
