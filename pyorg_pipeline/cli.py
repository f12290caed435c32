"""`pyorg`: the commands for people and scripts."""

# Commands import what they need: a query imports neither Dagster nor requests nor rich.

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from pyorg_pipeline.cli_options import (
    VERIFICATIONS,
    Choice,
    Series,
    Version,
    in_words_of_options,
    output_options,
    pre_releases_option,
    selection_options,
)
from pyorg_pipeline.process import WRONG_USAGE, print_error, run_program

if TYPE_CHECKING:
    from pyorg_pipeline.reports.tables import Table

_EPILOG = """\b
Examples:
  pyorg latest 3.13
  pyorg list 3.13.9 --type windows-release --arch amd64
  pyorg download 3.13.9 --destination downloads
  pyorg changes --since 7d --json

The first query fills the catalog, which takes some seconds. `pyorg COMMAND --help` describes a
command; https://www.python.org/ftp/python/ is read unless PYORG_SITE_URL names another site."""


class _Program(click.Group):
    """The program; its commands are listed in the order of this file."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, or an error that names the nearest."""
        if args[0] == "PythonOrgDownloads":
            ctx.fail("use `python -m pyorg_pipeline PythonOrgDownloads` for its methods.")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog=_EPILOG,
)
@click.version_option(package_name="pyorg-pipeline", prog_name="pyorg")
@output_options
def program() -> None:
    """Everything that python.org offers for download, from a catalog on this machine."""


def _command(name: str, **options: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of the program, with the options that all have."""
    return lambda function: program.command(name, **options)(output_options(function))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, as `run_program` describes it."""
    return run_program(partial(_main, arguments), _translated)


def _main(arguments: Sequence[str] | None) -> int:
    logging.basicConfig(format="pyorg: %(message)s")
    if complete := os.environ.get("_PYORG_COMPLETE"):
        from click.shell_completion import shell_complete  # noqa: PLC0415

        return shell_complete(program, {}, "pyorg", "_PYORG_COMPLETE", complete)
    try:
        # Not click's own `main`, which handles Ctrl-C and closed pipes in another way.
        words = sys.argv[1:] if arguments is None else list(arguments)
        with program.make_context("pyorg", words) as context:
            code = program.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_USAGE
    except click.UsageError as error:
        of = error.ctx.command_path if error.ctx is not None else "pyorg"
        print_error(f"{error.format_message()} See `{of} --help`")
        return WRONG_USAGE
    return code if isinstance(code, int) else 0


def _translated(message: str) -> str:
    return in_words_of_options(message, program.commands.values())


def _asked_for(name: str) -> bool:
    """Whether an output option was given."""
    return name in click.get_current_context().meta


def _print(result: Any) -> None:
    """Print a result as JSON, or as lines for people."""
    from pyorg_pipeline.model.values import json_value  # noqa: PLC0415
    from pyorg_pipeline.reports.lines import result_text  # noqa: PLC0415

    if _asked_for("json"):
        print(json.dumps(result, default=json_value, indent=2))
    else:
        sys.stdout.write(result_text([result] if isinstance(result, str) else result))


def _found(found: Sequence[Any], nothing: str) -> int:
    """Say so on stderr if nothing was found; returns the exit code."""
    if found:
        return 0
    print_error(f"the catalog has {nothing}")
    return 1


def _print_rows(table: Table, rows: Sequence[Any], nothing: str) -> int:
    """Print a table; returns the exit code."""
    if _asked_for("json"):
        _print(rows)
    elif rows:
        from pyorg_pipeline.reports.tables import print_rows  # noqa: PLC0415

        print_rows(table, rows)
    return _found(rows, nothing)


_series_argument = click.argument("series", type=Series(), required=False)


_port_option = click.option(
    "--port", default=3000, metavar="NUMBER", help="Where Dagster's UI answers on this machine."
)
_verify_option = click.option(
    "--verify",
    type=Choice("how", VERIFICATIONS),
    default="auto",
    metavar="HOW",
    help="auto: by the strongest digest that is published; digest: nothing less; signature: by a "
    "Sigstore signature of the release manager; size: by the size alone.",
)


@_command("latest")
@click.argument("of", type=Series(), required=False, metavar="[SERIES]")
@selection_options
def latest(of: str | None, **criteria: Any) -> int:
    """Print the newest version, or the newest of a series.

    It is the newest that has an artifact with everything that the options ask for.

    \b
    Examples:
      pyorg latest 3.13
      pyorg latest --type windows-release --arch arm64
    """
    from pyorg_pipeline.cli_selection import newest_versions  # noqa: PLC0415

    several = [*([of] if of else []), *criteria.pop("series")]
    texts = [version.text for version in newest_versions(several, **criteria)]
    _print(texts if len(several) > 1 else texts[0])
    return 0


@_command("versions")
@_series_argument
@pre_releases_option
def versions(series: str | None, final_only: bool) -> int:
    """List the versions that were released, or those of a series.

    \b
    Example: pyorg versions 3.13
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415

    if final_only:
        texts = [version.text for version in PythonOrgDownloads.list_release_versions()]
    else:
        texts = [release.version for release in PythonOrgDownloads.list_releases()]
    found = [text for text in texts if series is None or text.startswith(f"{series}.")]
    _print(found)
    return _found(found, f"no version of {series}" if series else "no version")


@_command("releases")
@_series_argument
@pre_releases_option
def releases(series: str | None, final_only: bool) -> int:
    """List the releases, and whether each is complete.

    \b
    Example: pyorg releases 3.15 --pre-releases
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.reports.tables import RELEASES  # noqa: PLC0415

    found = PythonOrgDownloads.list_releases(series, final_only)
    return _print_rows(RELEASES, found, f"no release of {series}" if series else "no release")


@_command("list")
@click.argument("wanted", type=Version(), nargs=-1, metavar="[VERSION]...")
@selection_options
def list_(wanted: Sequence[str], **criteria: Any) -> int:
    """List the artifacts of versions, or all that options select.

    A VERSION is one such as 3.13.9 or 3.15.0rc1; a series such as 3.13 is its newest version.

    \b
    Examples:
      pyorg list 3.13.9
      pyorg list --series 3.13 --type windows-release --arch arm64
    """
    from pyorg_pipeline.cli_selection import selected  # noqa: PLC0415
    from pyorg_pipeline.reports.tables import ARTIFACTS  # noqa: PLC0415

    return _print_rows(ARTIFACTS, selected(wanted, **criteria), "no artifact")


@_command("changes")
@click.option(
    "--since",
    metavar="TIME",
    help="Only changes seen after it: a date such as 2026-11-01, a time such as "
    "2026-11-01T12:00Z, or an age such as 12h or 7d.  [default: all that are recorded]",
)
@click.option("--companions", is_flag=True, help="Also files about artifacts, such as signatures.")
def changes(since: str | None, companions: bool) -> int:
    """List the files that appeared, vanished or were replaced.

    The newest are last. Refreshes record them, from the second one on.

    \b
    Example: pyorg changes --since 7d
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.reports.tables import CHANGES_TABLE  # noqa: PLC0415

    found = PythonOrgDownloads.list_changes(since, companions=companions)
    return _print_rows(CHANGES_TABLE, found, f"no change since {since}" if since else "no change")


@_command("info")
def info() -> None:
    """Show what the catalog holds, and how old it is."""
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415

    _print(PythonOrgDownloads.catalog_info())


@_command("download")
@click.argument("wanted", nargs=-1, metavar="[VERSION|NAME|PATH]...")
@selection_options
@click.option(
    "--newest-only/--all-versions",
    default=True,
    help="Of each series only the newest version with a match, or all.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=0,
    metavar="NUMBER",
    help="At most so many artifacts, the newest; 0 for all.",
)
@click.option(
    *("-d", "--destination"),
    default=".",
    metavar="FOLDER|URL",
    help="Where to: a folder, or a URL such as s3://bucket/prefix.",
)
@_verify_option
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option("--dry-run", is_flag=True, help="List what would be downloaded.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, help="Artifacts in a batch.")
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=2,
    help="How often a batch is tried again after a transient error.",
)
@click.option(
    "--retry-delay",
    type=click.FloatRange(min=0),
    default=30,
    metavar="SECONDS",
    help="How long to wait before the first retry; twice as long before each next one.",
)
def download(wanted: Sequence[str], dry_run: bool, **options: Any) -> int:
    """Download and verify artifacts.

    A VERSION such as 3.13.9 is its source release in the best packing, and a series such as 3.13
    that of its newest version, unless --type, --arch, --format, --free-threaded or --attribute ask
    for others. NAME and PATH are those of an artifact as `pyorg list` shows them.

    It runs the job download_artifacts of Dagster's UI. Paths of files go to stdout, the report to
    stderr. Existing files are not overwritten, and the same command again downloads what failed.

    \b
    Examples:
      pyorg download 3.13.9
      pyorg download 3.13 3.14 --arch amd64 --destination /srv/python
      pyorg download python-3.13.9-arm64.exe
    """
    job = ("destination", "verify", "overwrite", "batch_size", "retries", "retry_delay")
    config = {name: options.pop(name) for name in job}
    kinds = ("series", "releaselevel", "artifact_type", "arch", "format", "attribute")
    if not wanted and not any(map(options.get, kinds)) and options["free_threaded"] is None:
        raise click.UsageError(
            "give a version such as 3.13.9, a series such as 3.13, an artifact's name or path, or "
            "options such as --series.",
            click.get_current_context(),
        )
    from pyorg_pipeline.cli_selection import selected  # noqa: PLC0415

    found = selected(wanted, sources_by_default=True, **options)
    if dry_run:
        from pyorg_pipeline.reports.tables import ARTIFACTS  # noqa: PLC0415

        return _print_rows(ARTIFACTS, found, "no artifact")
    from pyorg_pipeline import runs  # noqa: PLC0415
    from pyorg_pipeline.settings import load_settings  # noqa: PLC0415

    done = runs.download(load_settings(), [one.path for one in found], **config)
    if not _asked_for("quiet"):
        sys.stderr.write("".join(f"{_translated(line)}\n" for line in done.lines()))
    _print(done)
    return _failed(done.error)


def _failed(error: Any) -> int:
    """Report an error with several failures, a line each if they were not shown; returns 1."""
    if error is None:
        return 0
    sys.stdout.flush()
    if _asked_for("quiet"):
        for name, reason in sorted(error.failures.items()):
            print_error(_translated(f"{name}: {reason}"))
    print_error(_translated(error.headline))
    return 1


@_command("verify")
@click.argument("folder", metavar="FOLDER|URL")
@_verify_option
def verify(folder: str, verify: Any) -> int:
    """Find damaged, unknown and missing files in a folder.

    It compares each file with the catalog, by its name or its path as on the site. The exit code
    is 1 if one is damaged, or cannot be verified as --verify asks.

    \b
    Example: pyorg verify /srv/python
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.reports.tables import VERIFIED_FILES  # noqa: PLC0415

    done = PythonOrgDownloads.verify_files(folder, verify=verify)
    if _asked_for("json"):
        _print(done.to_dict())
    else:
        _print_rows(VERIFIED_FILES, done.files, f"no file of {done.location}")
    return _failed(done.error)


@_command("refresh")
@click.option(
    "--full", is_flag=True, help="Read every directory, and allow another site than before."
)
@click.option(
    "--accept-vanished",
    is_flag=True,
    help="Believe a root listing that lost more than a tenth of its directories, and a "
    "directory's that lost artifacts, which otherwise takes two such listings.",
)
@click.option(
    "--digests",
    is_flag=True,
    help="Also read the SHA-256 of artifacts, with one request for each signature bundle or bill "
    "of materials that is new or changed; downloads then need no such request.",
)
def refresh(full: bool, accept_vanished: bool, digests: bool) -> int:
    """Bring the catalog up to date, and print what changed.

    Reads the root listing and the directories that are new or changed: one request if none is.
    Directories that cannot be read keep their last good tables, and are read again by the next
    refresh; the exit code is 1 then. With --quiet, only problems are printed, as for cron.

    \b
    Example: pyorg refresh --full
    """
    from pyorg_pipeline import runs  # noqa: PLC0415
    from pyorg_pipeline.settings import load_settings  # noqa: PLC0415

    summary = runs.refresh(
        load_settings(), full=full, accept_vanished=accept_vanished, digests=digests
    )
    if _asked_for("json") or not _asked_for("quiet"):
        _print(summary)
    else:
        for warning in summary.warnings:
            print_error(warning)
    return _failed(summary.error)


@_command("ui")
@_port_option
@click.option(
    "--host",
    default="127.0.0.1",
    metavar="ADDRESS",
    help="The address of this machine that it listens on. It has no password: with 0.0.0.0, "
    "everyone who can reach the machine can launch runs.",
)
def ui(port: int, host: str) -> int:
    """Open Dagster's UI on the catalog.

    It shows the tables and their history, and has buttons to refresh them. It runs with Dagster's
    daemon until Ctrl-C, and prints only its address and what goes wrong.

    \b
    Example: pyorg ui --port 3001
    """
    from pyorg_pipeline.settings import load_settings  # noqa: PLC0415
    from pyorg_pipeline.webserver import serve_ui  # noqa: PLC0415

    return serve_ui(load_settings(), port, host)


@_command("demo")
@click.option("--ui", is_flag=True, help="Keep the replica running and open Dagster's UI on it.")
@_port_option
def demo(ui: bool, port: int) -> int:
    """Fill a catalog from a replica of the site, and query it.

    It needs no network: the replica serves recorded listings, with made-up bytes. Everything is in
    ./pyorg-demo, or in PYORG_HOME if that is set; PYORG_SITE_URL, PYORG_CATALOG_URL and
    DAGSTER_HOME are ignored, and only a catalog of a replica is overwritten.

    \b
    Example: pyorg demo --ui
    """
    from pyorg_pipeline.demo.demonstration import run_demo  # noqa: PLC0415

    return run_demo(ui_port=port if ui else None)


if __name__ == "__main__":
    sys.exit(main())
