"""`python -m pyorg_pipeline.demo.replica`: serve the packaged record until Ctrl-C."""

import argparse
import threading
from contextlib import suppress

from pyorg_pipeline.demo.replica.server import Replica


def main() -> None:
    """Serve the record and print its URL."""
    parser = argparse.ArgumentParser(
        prog="python -m pyorg_pipeline.demo.replica",
        description="Serve a replica of python.org's release tree on this machine until Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=8000, help="0: any free port")
    with Replica(port=parser.parse_args().port) as replica, suppress(KeyboardInterrupt):
        print(replica.url, flush=True)  # noqa: T201
        threading.Event().wait()


main()
