"""Crawls all release directories: ours, python-org-downloads, rclone and `curl -Z`."""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
from pathlib import Path
from urllib.request import urlopen

from measuring import (
    PROGRAMS,
    REFERENCE,
    Contestant,
    Figure,
    Target,
    add_common_arguments,
    add_reference_argument,
    environment,
    interleaved,
    print_machine,
    print_targets,
    reference_absence,
    run,
    working_folder,
)
from nginx_site import build_tree, nginx_site

from pyorg_pipeline.model.versions import parse_release_directory
from pyorg_pipeline.site.listing import parse_listing

ROWS = "ours, into rows"
TABLES = "ours, all tables"
CURL = "curl -Z, raw"
RCLONE = "rclone lsjson"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_common_arguments(parser, rounds=9)
    add_reference_argument(parser)
    parser.add_argument(
        "--reference-rounds", type=int, default=3, help="it takes long; default: %(default)s"
    )
    parser.add_argument("--connections", type=int, default=16, help="default: %(default)s")
    parser.add_argument(
        "--latency", type=float, default=0.03, help="seconds a request; default: %(default)s"
    )
    given = parser.parse_args()
    with working_folder(given.folder) as folder:
        tree = build_tree(folder / "tree")
        # It raises ValueError on the iOS archives, so it gets a tree without them.
        bare = build_tree(folder / "tree-without-ios", left_out=lambda path: "-iOS-" in path)
        with (
            nginx_site(tree, latency=given.latency) as url,
            nginx_site(bare, latency=given.latency) as bare_url,
        ):
            contestants = [
                _curl(url, folder, given.connections),
                _ours(ROWS, "crawl_rows.py", url, given.connections),
                _tables(url, given.connections, folder),
                _rclone(url, given.connections),
                _reference(bare_url, given.reference_python, given.reference_rounds),
            ]
            results = interleaved(contestants, given.rounds)
    print_machine(reference_python=given.reference_python)
    print(f"{given.latency * 1000:g} ms a request, {given.connections} connections\n")
    results.print()
    print_targets(
        [
            Target("crawl into rows, times `curl -Z`", results.ratio(ROWS, CURL), at_most=1.2),
            Target("crawl into all tables, times `curl -Z`", results.ratio(TABLES, CURL), 2.2),
            Target("... peak memory", results.megabytes(TABLES), at_most=130, unit=" MB"),
        ]
    )


def _directories(url: str) -> tuple[list[str], list[str]]:
    """The root's release directories, and its other ones."""
    with urlopen(url) as answer:
        entries = parse_listing(answer.read(), url)
    names = [entry.name for entry in entries if entry.is_directory]
    wanted = [name for name in names if name == "src" or parse_release_directory(name)]
    return wanted, [name for name in names if name not in wanted]


def _ours(name: str, program: str, url: str, connections: int) -> Contestant:
    argv = [sys.executable, str(PROGRAMS / program), url, str(connections)]
    return Contestant(name, lambda: run(argv))


def _tables(url: str, connections: int, folder: Path) -> Contestant:
    catalogs = folder / "catalogs"
    numbers = itertools.count()

    def fill() -> Figure:
        catalog = catalogs / str(next(numbers))
        program = str(PROGRAMS / "crawl_tables.py")
        try:
            return run([sys.executable, program, url, str(connections), str(catalog)])
        finally:
            shutil.rmtree(catalogs, ignore_errors=True)

    return Contestant(TABLES, fill)


def _curl(url: str, folder: Path, connections: int) -> Contestant:
    curl = shutil.which("curl")
    if curl is None:
        return Contestant(CURL, None, "curl is not installed")
    pages = [url, *(f"{url}{name}/" for name in _directories(url)[0])]
    requests = folder / "curl-requests"
    requests.write_text("".join(f'url = "{page}"\noutput = "/dev/null"\n' for page in pages))
    argv = [curl, "--disable", "--fail", "--parallel", "--parallel-immediate"]
    argv += ["--parallel-max", str(connections), "--no-progress-meter", "--config", str(requests)]
    return Contestant(CURL, lambda: run(argv, result=f"{len(pages)} pages, not parsed"))


def _rclone(url: str, connections: int) -> Contestant:
    rclone = shutil.which("rclone")
    if rclone is None:
        return Contestant(RCLONE, None, "rclone is not installed")
    argv = [rclone, "lsjson", "-R", "--http-no-head", "--http-url", url]
    # The same pages as the others: nothing below release directories, nothing beside them.
    argv += ["--max-depth", "2", "--checkers", str(connections)]
    for name in _directories(url)[1]:
        argv += ["--exclude", f"/{name}/**"]
    argv += [":http:"]

    def crawl() -> Figure:
        return run(argv, environment(RCLONE_CONFIG="/dev/null"), result="names alone")

    return Contestant(RCLONE, crawl)


def _reference(url: str, python: str | None, rounds: int) -> Contestant:
    absence = reference_absence(python)
    if absence or python is None:
        return Contestant(REFERENCE, None, absence)
    argv = [python, str(PROGRAMS / "crawl_reference.py"), url]
    return Contestant(REFERENCE, lambda: run(argv), rounds=rounds)


if __name__ == "__main__":
    main()
