"""Downloads eight source tarballs: ours, `curl -Z`, aria2c, pooch and python-org-downloads.

Then it measures the memory of a transfer, and what the Dagster job costs beyond its transfers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from measuring import (
    MEGABYTE,
    PROGRAMS,
    REFERENCE,
    Contestant,
    Figure,
    Results,
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
from nginx_site import nginx_site
from tarballs import Served, build_served, large_files, source_tarballs

OURS = "ours, with digest"
UNVERIFIED = "ours, size alone"
CURL = "curl -Z"
ARIA = "aria2c"
ARIA_DIGEST = "aria2c, sha-256"
POOCH = "pooch"
POOCH_LARGE = "pooch, pieces of 1 MiB"

IMPORT = "import dagster"
JOB = "pyorg download"
JOB_AGAIN = "pyorg download, all exist"

THREADS: Final = 8
#: Bytes that are taken at once, for the memory; the last is the default of download_artifact.
CHUNK_SIZES: Final = (64 * 1024, 256 * 1024, 1024 * 1024)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_common_arguments(parser, rounds=5)
    add_reference_argument(parser)
    parser.add_argument(
        "--pooch-python",
        metavar="PYTHON",
        default=os.environ.get("PYORG_POOCH_PYTHON", sys.executable),
        help="the interpreter of an environment with pooch in it; "
        "default: $PYORG_POOCH_PYTHON, else this one",
    )
    parser.add_argument(
        "--latency", type=float, default=0.03, help="seconds a request; default: %(default)s"
    )
    parser.add_argument(
        "--job-rounds", type=int, default=5, help="of the Dagster job; default: %(default)s"
    )
    given = parser.parse_args()
    targets = []
    with working_folder(given.folder) as folder:
        served = build_served(folder / "served", source_tarballs())
        destination = folder / "downloads"
        shutil.rmtree(destination, ignore_errors=True)
        print_machine(reference_python=given.reference_python)
        for latency in dict.fromkeys((0.0, given.latency)):
            with nginx_site(served.folder, latency=latency) as url:
                contestants = _contestants(
                    url, served, destination, given.pooch_python, given.reference_python
                )
                results = interleaved(contestants, given.rounds)
            print(f"{latency * 1000:g} ms a request, {THREADS} files at once\n")
            results.print()
            _print_throughput(results, served)
            name = f"{latency * 1000:g} ms: throughput with digest, times `curl -Z`"
            targets.append(Target(name, results.ratio(CURL, OURS), at_least=0.8))
        with nginx_site(served.folder) as url:
            targets += _memory(url, large_files(served.folder), destination)
            targets += _job(url, served, folder / "home", destination, given.job_rounds)
        shutil.rmtree(destination, ignore_errors=True)
    print_targets(targets)


def _contestants(
    url: str, served: Served, destination: Path, pooch_python: str, reference_python: str | None
) -> Sequence[Contestant]:
    argv = [url, str(served.listing), str(destination)]
    ours = [sys.executable, str(PROGRAMS / "download_ours.py"), *argv]
    absence = _pooch_absence(pooch_python)
    pooch = [pooch_python, str(PROGRAMS / "download_pooch.py"), *argv, str(THREADS)]
    reference = reference_absence(reference_python)
    program = str(PROGRAMS / "download_reference.py")
    into = _into(destination)
    return [
        Contestant(CURL, *_curl(url, served, destination)),
        Contestant(OURS, into(lambda: run([*ours, str(THREADS)]))),
        Contestant(UNVERIFIED, into(lambda: run([*ours, str(THREADS), "--unverified"]))),
        Contestant(ARIA, *_aria(url, served, destination, digest=False)),
        Contestant(ARIA_DIGEST, *_aria(url, served, destination, digest=True)),
        Contestant(POOCH, None if absence else into(lambda: run(pooch)), absence),
        Contestant(
            POOCH_LARGE, None if absence else into(lambda: run([*pooch, str(MEGABYTE)])), absence
        ),
        Contestant(
            REFERENCE,
            None if reference else into(lambda: run([str(reference_python), program, *argv])),
            reference,
        ),
    ]


def _into(destination: Path) -> Callable[[Callable[[], Figure]], Callable[[], Figure]]:
    """Make a contestant's run start with an empty folder; emptying it is not timed."""

    def empty_before(once: Callable[[], Figure]) -> Callable[[], Figure]:
        def run_it() -> Figure:
            shutil.rmtree(destination, ignore_errors=True)
            destination.mkdir(parents=True)
            return once()

        return run_it

    return empty_before


def _curl(url: str, served: Served, destination: Path) -> tuple[Callable[[], Figure] | None, str]:
    curl = shutil.which("curl")
    if curl is None:
        return None, "curl is not installed"
    requests = served.folder / "curl-requests"
    requests.write_text(
        "".join(
            f'url = "{url}{file.path}"\noutput = "{destination / file.name}"\n'
            for file in served.files
        )
    )
    argv = [curl, "--disable", "--fail", "--parallel", "--parallel-immediate"]
    argv += ["--parallel-max", str(THREADS), "--no-progress-meter", "--config", str(requests)]
    return _into(destination)(lambda: run(argv, result="8 files, not verified")), ""


def _aria(
    url: str, served: Served, destination: Path, *, digest: bool
) -> tuple[Callable[[], Figure] | None, str]:
    aria = shutil.which("aria2c")
    if aria is None:
        return None, "aria2c is not installed"
    requests = served.folder / f"aria-requests-{'digest' if digest else 'plain'}"
    requests.write_text(
        "".join(
            f"{url}{file.path}\n out={file.name}\n"
            + (f" checksum=sha-256={file.sha256}\n" if digest else "")
            for file in served.files
        )
    )
    argv = [aria, "--no-conf", "--quiet", "--summary-interval=0", f"--dir={destination}"]
    argv += [f"--max-concurrent-downloads={THREADS}", "--max-connection-per-server=1", "--split=1"]
    # Its default, prealloc, writes every file twice.
    argv += ["--file-allocation=none", "--async-dns=false", f"--input-file={requests}"]
    result = "8 files, digest after reading them again" if digest else "8 files, not verified"
    return _into(destination)(lambda: run(argv, result=result)), ""


def _pooch_absence(python: str) -> str:
    if shutil.which(python) is None:
        return f"{python} does not exist"
    done = subprocess.run([python, "-c", "import pooch"], capture_output=True, check=False)
    return "pooch is not installed in the environment of --pooch-python" if done.returncode else ""


def _print_throughput(results: Results, served: Served) -> None:
    megabytes = sum(file.size for file in served.files) / 1e6
    rates = [
        f"{contestant.name} {megabytes / seconds:.0f}"
        for contestant in results.contestants
        if (seconds := results.seconds(contestant.name)) is not None
    ]
    print(f"MB/s of {megabytes:.1f} MB: {', '.join(rates)}\n")


def _memory(url: str, large: Served, destination: Path) -> list[Target]:
    """Peaks of processes that download, minus the peak of one with the same imports."""
    program = [sys.executable, str(PROGRAMS / "download_ours.py"), url]
    into = _into(destination)

    def peak(listing: Path, chunk_size: int) -> int:
        argv = [*program, str(listing), str(destination), str(THREADS)]
        return into(lambda: run([*argv, "--chunk-size", str(chunk_size)]))().peak

    nothing = large.part("nothing", [])
    idle = min(peak(nothing, MEGABYTE) for _ in range(3))
    print(
        f"MB at the peak above an idle process with the same imports ({idle / MEGABYTE:.0f} MB)\n"
    )
    sizes = [f"{file.size / 1e6:.0f} MB" for file in large.files]
    eight = f"{len(large.files[:1]) * THREADS} of {sizes[0]} at once"
    print(f"| pieces | {' | '.join(sizes)} | {eight} |")
    print(f"| --- |{' --: |' * (len(sizes) + 1)}")
    alone: list[float] = []
    together: list[float] = []
    for chunk_size in CHUNK_SIZES:
        cells = []
        for number, file in enumerate(large.files):
            used = peak(large.part(f"only-{number}", [file]), chunk_size) - idle
            alone.append(used / MEGABYTE)
            cells.append(f"{used / MEGABYTE:.1f}")
        first = large.files[0]
        copies = [replace(first, name=f"{number}-{first.name}") for number in range(THREADS)]
        used = peak(large.part("eight", copies), chunk_size) - idle
        together.append(used / MEGABYTE)
        print(f"| {chunk_size // 1024} KiB | {' | '.join(cells)} | {used / MEGABYTE:.1f} |")
    print()
    return [
        Target("memory above an idle process, one file", max(alone), at_most=40, unit=" MB"),
        Target("... eight at once", max(together), at_most=40, unit=" MB"),
    ]


def _job(url: str, served: Served, home: Path, destination: Path, rounds: int) -> list[Target]:
    """Whole processes of `pyorg download`, without the time of their transfers."""
    shutil.rmtree(home, ignore_errors=True)
    env = environment(PYORG_HOME=str(home), PYORG_SITE_URL=url, PYORG_CONCURRENCY=str(THREADS))
    pyorg = [sys.executable, "-m", "pyorg_pipeline.cli"]
    run([*pyorg, "refresh", "--digests"], env)
    argv = [*pyorg, "--json", "download", "--type", "source-release", "--format", "tarball_lzma"]
    argv += ["--all-versions", "--destination", str(destination)]

    def download() -> Figure:
        return run([sys.executable, str(PROGRAMS / "download_job.py"), *argv], env)

    kept = destination.with_name("kept")
    shutil.rmtree(kept, ignore_errors=True)
    again = [*argv[:-1], str(kept)]
    run(again, env)
    names = sorted(entry.name for entry in kept.iterdir())
    assert names == sorted(file.name for file in served.files), names
    contestants = [
        Contestant(IMPORT, lambda: run([sys.executable, "-c", "import dagster"])),
        Contestant(JOB, _into(destination)(download)),
        Contestant(JOB_AGAIN, lambda: run(again, env, result="8 files that exist")),
    ]
    results = interleaved(contestants, rounds)
    shutil.rmtree(kept)
    shutil.rmtree(home)
    print("The job, without the transfers\n")
    results.print()
    return [
        Target(
            "the job beyond its transfers, times `import dagster`", results.ratio(JOB, IMPORT), 4
        ),
        Target("... when all files exist", results.ratio(JOB_AGAIN, IMPORT), 4),
    ]


if __name__ == "__main__":
    main()
