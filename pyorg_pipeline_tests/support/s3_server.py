"""A real S3 server on this machine, and the environment in which S3 clients find it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

BUCKET = "downloads"


@contextmanager
def s3_server() -> Iterator[str]:
    """Serve S3 with an empty bucket, once in a process; yields the bucket's URL.

    fsspec keeps its clients, and the server its buckets, for as long as the process lives.
    """
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  # a second

    # It would log each request to stderr.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "somebody")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        try:
            objects().mkdir(BUCKET)
            yield f"s3://{BUCKET}"
        finally:
            server.stop()


def objects() -> Any:
    import fsspec  # noqa: PLC0415  # after the environment is set

    return fsspec.filesystem("s3")


def objects_below(url: str) -> dict[str, bytes]:
    """Every object below a URL, by the rest of its key."""
    root = url.removeprefix("s3://")
    stored = objects()
    stored.invalidate_cache()
    return {key.removeprefix(f"{root}/"): stored.cat_file(key) for key in stored.find(root)}
