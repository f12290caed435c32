"""`pyorg`: the commands for people and scripts."""

# Commands import what they need: a query imports neither Dagster nor requests nor rich.

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import click

from pyorg_pipeline import cli_files
from pyorg_pipeline.cli_files import NO_ARTIFACT
from pyorg_pipeline.cli_options import (
    OUTPUT_OPTIONS,
    Series,
    Version,
    port_option,
    pre_releases_option,
    program,
    selection_options,
    supported_option,
    translated,
)
from pyorg_pipeline.cli_output import (
    print_failures,
    print_found,
    print_result,
    wants_json,
)
from pyorg_pipeline.process import WRONG_USAGE, end_process, print_error, run_program
from pyorg_pipeline.reports.lines import is_quiet, time_text

__all__ = ["main", "program"]


def _command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of the program, with the options that all have."""

    def add(function: Callable[..., Any]) -> click.Command:
        command = program.command(name)(function)
        command.params += OUTPUT_OPTIONS
        return command

    return add


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, as `run_program` describes it."""
    return run_program(partial(_main, arguments), translated)


class _Formatter(logging.Formatter):
    """Warnings in the words of the command line."""

    def format(self, record: logging.LogRecord) -> str:
        return translated(super().format(record))


def _main(arguments: Sequence[str] | None) -> int:
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("pyorg: %(message)s"))
    logging.basicConfig(handlers=[handler])
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
        # click calls an argument by its place in the usage: '[SERIES]'.
        is_argument = type(error) is click.BadParameter and isinstance(error.param, click.Argument)
        message = error.message if is_argument else error.format_message()
        end = "" if message.endswith((".", "?", "?)")) else "."
        print_error(f"{message}{end} See `{of} --help`")
        return WRONG_USAGE
    return code if isinstance(code, int) else 0


#: Of a series that the catalog has.
_NO_FINAL: Final = "the catalog has no final release of it; --pre-releases lists the others"

_series_argument = click.argument("series", type=Series(), required=False)


@_command("latest")
@click.argument("of", type=Series(), required=False, metavar="[SERIES]")
@selection_options
@supported_option
def latest(of: str | None, **criteria: Any) -> int:
    """Print the newest version, or the newest of a series.

    With options, it is the newest version that has a matching artifact.

    \b
    Examples:
      pyorg latest 3.13
      pyorg latest --type windows-release --arch arm64
    """
    from pyorg_pipeline.cli_selection import newest_versions  # noqa: PLC0415
    from pyorg_pipeline.errors import InvalidArgumentError  # noqa: PLC0415

    several = criteria.pop("series")
    if of and several:
        raise InvalidArgumentError("give a series or --series, not both")
    several = [of] if of else several
    texts = [version.text for version in newest_versions(several, **criteria)]
    print_result(texts if len(several) > 1 else texts[0])
    return 0


@_command("series")
def series() -> int:
    """List the series of releases, and whether each is supported.

    The dates are those of the release PEPs; series without one, such as 1.5, are unknown.
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.reports.series import SERIES  # noqa: PLC0415

    return print_found(PythonOrgDownloads.list_series(), "the catalog has no release", SERIES)


@_command("versions")
@_series_argument
@pre_releases_option
def versions(series: str | None, final_only: bool) -> int:
    """List the versions that were released, or those of a series.

    On a terminal, their dates and states are shown, too; in a pipe and with --json only the
    versions.

    \b
    Example: pyorg versions 3.13
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415

    found = PythonOrgDownloads.list_releases(series, final_only)
    if sys.stdout.isatty() and not wants_json():
        from pyorg_pipeline.reports.tables import VERSIONS  # noqa: PLC0415

        return print_found(found, _NO_FINAL, VERSIONS)
    return print_found([release.version for release in found], _NO_FINAL)


@_command("releases")
@_series_argument
@pre_releases_option
def releases(series: str | None, final_only: bool) -> int:
    """List the releases, and whether each is complete.

    Families are the kinds of files that a release has, such as windows and macos; signed is the
    share of its artifacts with a signature beside them.

    \b
    Example: pyorg releases 3.15 --pre-releases
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.reports.tables import RELEASES  # noqa: PLC0415

    found = PythonOrgDownloads.list_releases(series, final_only)
    return print_found(found, _NO_FINAL, RELEASES)


@_command("list")
@click.argument("wanted", type=Version(), nargs=-1, metavar="[VERSION]...")
@selection_options
def list_(wanted: Sequence[str], **criteria: Any) -> int:
    """List the artifacts of versions, or all that options select.

    VERSION is a version such as 3.13.9 or 3.15.0rc1, or a series such as 3.13, which stands for
    its newest version; --series lists all versions of a series.

    \b
    Examples:
      pyorg list 3.13.9
      pyorg list --series 3.13 --type windows-release --arch arm64
    """
    from pyorg_pipeline.cli_selection import selected  # noqa: PLC0415
    from pyorg_pipeline.reports.tables import ARTIFACTS  # noqa: PLC0415

    found = selected(wanted, set_aside=True, **criteria)
    return print_found(found, NO_ARTIFACT, ARTIFACTS)


@_command("changes")
@click.option(
    "--since",
    metavar="TIME",
    help="Only changes recorded after this time: a date such as 2026-11-01, a time such as "
    "2026-11-01T12:00Z, or an age such as 90m, 12h, 7d or 2w.",
)
@click.option(
    "--companions", is_flag=True, help="Include files about artifacts, such as signatures."
)
def changes(since: str | None, companions: bool) -> int:
    """List the files that appeared, vanished or were replaced.

    The newest changes are last. Each refresh after the first records them.

    \b
    Example: pyorg changes --since 7d
    """
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.model.arguments import parse_since  # noqa: PLC0415
    from pyorg_pipeline.reports.tables import CHANGES_TABLE  # noqa: PLC0415

    found = PythonOrgDownloads.list_changes(since, companions=companions)
    nothing = "no changes recorded yet: each refresh after the first records them"
    if since:
        now = datetime.now(UTC)
        time = parse_since(since, now)
        future = ", which is in the future" if time > now else ""
        nothing = f"no changes recorded since {time_text(time)}{future}"
    return print_found(found, nothing, CHANGES_TABLE)


@_command("info")
def info() -> None:
    """Show what the catalog holds, and how old it is.

    It never refreshes the catalog, so that a monitor sees its age.
    """
    from pyorg_pipeline.errors import CatalogSiteError  # noqa: PLC0415
    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415
    from pyorg_pipeline.freshness import settings_of_catalog  # noqa: PLC0415
    from pyorg_pipeline.settings import load_settings  # noqa: PLC0415

    found = PythonOrgDownloads.catalog_info()
    with suppress(CatalogSiteError):  # the query has warned of it
        settings_of_catalog(load_settings())
    print_result(found)


for _name in ("download", "lock", "verify", "confirm"):
    _command(_name)(getattr(cli_files, _name))


@_command("refresh")
@click.option(
    "--full", is_flag=True, help="Read every directory; needed after a change of PYORG_SITE_URL."
)
@click.option(
    "--accept-vanished",
    is_flag=True,
    help="Accept a root listing that lacks more than a tenth of the known directories, which is "
    "an error otherwise, and a directory's listing that lacks known artifacts, which otherwise "
    "has to be read twice.",
)
@click.option(
    "--digests",
    is_flag=True,
    help="Also read the SHA-256 of artifacts, with one request for each signature bundle, manifest "
    "or bill of materials that is new or changed; downloads then need no such request.",
)
@click.option(
    "--install-manager",
    is_flag=True,
    help="Also list the files of Python's install manager for Windows, with two requests.",
)
def refresh(**options: bool) -> int:
    """Bring the catalog up to date, and print what changed.

    Reads the root listing, and then the directories that are new or changed: one request in all if
    nothing has changed. Directories that cannot be read keep their last good tables, and the next
    refresh reads them again; the exit code is 1 then. With --quiet, only problems are printed,
    which suits cron.

    \b
    Example: pyorg refresh --full
    """
    from pyorg_pipeline import runs  # noqa: PLC0415
    from pyorg_pipeline.settings import load_settings  # noqa: PLC0415

    summary = runs.refresh(load_settings(), **options)
    if wants_json() or not is_quiet():
        print_result(summary)
    else:
        for warning in summary.warnings:
            print_error(warning)
    return print_failures(summary.error)


@_command("ui")
@port_option
@click.option(
    "--host",
    default="127.0.0.1",
    metavar="ADDRESS",
    help="The address that the UI listens on. It has no password: with 0.0.0.0, everyone who can "
    "reach this machine can launch runs.",
)
def ui(port: int, host: str) -> int:
    """Open Dagster's UI on the catalog.

    It shows the tables and their history, and has buttons to refresh them. The UI and Dagster's
    daemon run until Ctrl-C; only the address of the UI and problems are printed.

    \b
    Example: pyorg ui --port 3001
    """
    from pyorg_pipeline.settings import load_settings  # noqa: PLC0415
    from pyorg_pipeline.webserver import serve_ui  # noqa: PLC0415

    return serve_ui(load_settings(), port, host)


@_command("demo")
@click.option("--ui", is_flag=True, help="Keep the replica running and open Dagster's UI on it.")
@port_option
def demo(ui: bool, port: int) -> int:
    """Fill a catalog from a replica of the site, and query it.

    It needs no network: the replica serves recorded listings, with made-up bytes and signatures.
    Everything is in ./pyorg-demo, or in PYORG_HOME if that is set; PYORG_SITE_URL,
    PYORG_CATALOG_URL and DAGSTER_HOME are ignored, and only a catalog that a demo has filled is
    overwritten.

    \b
    Example: pyorg demo --ui
    """
    if wants_json():
        raise click.UsageError("the demo has no JSON.", click.get_current_context())
    from pyorg_pipeline.demo.demonstration import run_demo  # noqa: PLC0415

    return run_demo(ui_port=port if ui else None)


if __name__ == "__main__":
    sys.exit(end_process(main()))
