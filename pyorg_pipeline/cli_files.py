"""The commands of `pyorg` for files: downloads, lock files, verification and confirmed digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from pyorg_pipeline.cli_options import (
    amount_options,
    download_options,
    path_given,
    selection_options,
    verify_option,
)
from pyorg_pipeline.cli_output import (
    print_downloads,
    print_failures,
    print_found,
    print_result,
    wants_json,
    warnings_in_report,
)
from pyorg_pipeline.reports.lines import is_quiet

NO_ARTIFACT: Final = "the catalog has no artifact"


def _require_criteria(wanted: Sequence[str], options: Mapping[str, Any]) -> None:
    kinds = ("series", "releaselevel", "artifact_type", "arch", "format", "attribute")
    if not wanted and not any(map(options.get, kinds)) and options["free_threaded"] is None:
        raise click.UsageError(
            "give a version such as 3.13.9, a series such as 3.13, an artifact's name or path, or "
            "options such as --series.",
            click.get_current_context(),
        )


@click.argument("wanted", nargs=-1, metavar="[VERSION|NAME|PATH]...")
@selection_options
@download_options
def download(wanted: Sequence[str], dry_run: bool, **options: Any) -> int:
    """Download and verify artifacts.

    A VERSION such as 3.13.9 stands for its source release in the best packing, and a series such as
    3.13 for that of its newest version, unless --type, --arch, --format, --free-threaded or
    --attribute select others. NAME and PATH are those of an artifact as `pyorg list` shows them;
    options do not filter them, and a companion such as a signature can be given, too.

    It runs the job download_artifacts of Dagster's UI. A terminal shows a table of the files; in a
    pipe, their paths go to stdout, and the report to stderr. Existing files are not overwritten,
    and the same command again downloads what failed.

    \b
    Examples:
      pyorg download 3.13.9
      pyorg download 3.13 3.14 --arch amd64 --destination /srv/python
      pyorg download python-3.13.9-arm64.exe
    """
    job = ("destination", "companions", "verify", "overwrite", "batch_size", "retries")
    config = {name: options.pop(name) for name in (*job, "retry_delay")}
    _require_criteria(wanted, options)
    from pyorg_pipeline.cli_selection import selected  # noqa: PLC0415
    from pyorg_pipeline.freshness import settings_of_catalog  # noqa: PLC0415
    from pyorg_pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings() if dry_run else settings_of_catalog(load_settings())
    # The job adds them to what is downloaded.
    companions = config["companions"] and dry_run
    found = selected(wanted, sources_by_default=True, companions=companions, **options)
    if dry_run:
        from pyorg_pipeline.reports.tables import ARTIFACTS  # noqa: PLC0415

        return print_found(found, NO_ARTIFACT, ARTIFACTS)
    from pyorg_pipeline import runs  # noqa: PLC0415

    with warnings_in_report():
        done = runs.download(settings, [one.path for one in found], **config)
    print_downloads(done)
    return print_failures(done.error)


@click.argument("wanted", nargs=-1, metavar="[VERSION|NAME|PATH]...")
@selection_options
@amount_options
@click.option("--dockerfile", is_flag=True, help="Print the lines of a Dockerfile.")
def lock(wanted: Sequence[str], dockerfile: bool, **options: Any) -> None:
    """Print URL, size and SHA-256 of artifacts.

    Artifacts are selected as by `pyorg download`. The output has the format of sha256sum:
    `sha256sum -c` verifies the files in the current folder, and ignores the lines with size and
    URL. With --dockerfile, it is the lines of a Dockerfile that download the artifacts and compare
    their checksums.

    Without a digest of each artifact nothing is printed, and the exit code is 1.

    \b
    Examples:
      pyorg lock 3.13.9 > python.sha256
      pyorg lock 3.13.9 --dockerfile >> Dockerfile
    """
    if dockerfile and wants_json():
        raise click.UsageError(
            "give --dockerfile or --json, not both.", click.get_current_context()
        )
    _require_criteria(wanted, options)
    from pyorg_pipeline.cli_selection import selected  # noqa: PLC0415
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.reports.locks import dockerfile_lines, sha256sum_lines  # noqa: PLC0415

    locked = PythonOrgDownloads.lock(*selected(wanted, sources_by_default=True, **options))
    lines = dockerfile_lines if dockerfile else sha256sum_lines
    print_result(locked if wants_json() else lines(locked))


@click.argument("folder", metavar="FOLDER|URL", callback=path_given)
@verify_option
def verify(folder: str, verify: Any) -> int:
    """Find damaged, unknown and missing files in a folder.

    Each file is looked up in the catalog, by its name or by its path as on the site. The exit code
    is 1 if a file is damaged or missing, or cannot be verified as --verify requires.

    \b
    Example: pyorg verify /srv/python
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.reports.progress import folder_progress  # noqa: PLC0415
    from pyorg_pipeline.reports.tables import VERIFIED_FILES  # noqa: PLC0415

    with folder_progress(folder) as progress:
        done = PythonOrgDownloads.verify_files(folder, verify=verify, progress=progress)
    if wants_json() or not is_quiet() or not done.files:
        print_found(done.files, f"{done.location} has no files", VERIFIED_FILES)
    return print_failures(done.error) if done.files else 1


@click.argument("artifacts", nargs=-1, required=True, metavar="NAME|PATH...")
def confirm(artifacts: Sequence[str]) -> None:
    """Confirm the new digests of files that the site replaced.

    The digest of a file is recorded once. If the site replaces the file, downloads of it fail until
    its new digest is confirmed: compare that with python.org's announcement first. It prints the
    digests that are now recorded.

    \b
    Example: pyorg confirm 3.14.0/Python-3.14.0a5.tgz
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415

    done = PythonOrgDownloads.confirm(*artifacts)
    texts = [f"{one.sha256 or 'no digest is published'}  {one.path}" for one in done]
    print_result(done if wants_json() else texts)
