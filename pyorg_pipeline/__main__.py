"""`python -m pyorg_pipeline`: the methods of PythonOrgDownloads as commands, with simplifiedapp.

The parser class adds an overview of the commands, flags as switches, and results as text and JSON.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from textwrap import fill
from types import ModuleType
from typing import Any, Final

from pyorg_pipeline.process import end_process, run_program

_DESCRIPTION: Final = """\
The methods of PythonOrgDownloads as commands.

Some commands:
  python -m pyorg_pipeline PythonOrgDownloads latest_version
  python -m pyorg_pipeline PythonOrgDownloads list_version_artifacts 3 13 --micro 9
  python -m pyorg_pipeline PythonOrgDownloads report_version_artifacts 3 13 --micro 9
  python -m pyorg_pipeline --json PythonOrgDownloads list_release_versions --final_only false

`python -m pyorg_pipeline PythonOrgDownloads METHOD --help` describes each. The program `pyorg` has
shorter commands for the same, and more."""
PROGRAM: Final = "python -m pyorg_pipeline"

#: Where simplifiedapp finds the callable and the names of its arguments.
_CALL: Final = "__simplifiedapp_"

#: Options of simplifiedapp that do not work: files of values do not reach the commands, and a
#: function cannot be given as text.
_LEFT_OUT: Final = frozenset({"--input-file", "--progress"})
#: The prefixes of methods that print a table, and of those that return its rows.
_REPORT, _LIST = "report_", "list_"


class CommandParser(argparse.ArgumentParser):
    """The parser of the program, or of one of its commands.

    Args:
        failures: The error of a refresh or verification that failed in part is added to it.
        options: Those of argparse.
    """

    def __init__(self, *, failures: list[Exception] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._failures = [] if failures is None else failures

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Add an argument; a flag may be a switch, and the help shows defaults."""
        from pyorg_pipeline.model.arguments import Flag  # noqa: PLC0415

        if names[0] in _LEFT_OUT:
            return argparse.Action(names, argparse.SUPPRESS)
        if options.get("type") is Flag:
            options.update(nargs="?", const=True, metavar="true|false")
        elif names == ("--log-level",):
            options["default"] = "warning"
        default = options.get("default")
        if "action" not in options and default is not None and default is not argparse.SUPPRESS:
            shown = "default: %(default)s"
            options["help"] = f"{options['help']} ({shown})" if "help" in options else shown
        return super().add_argument(*names, **options)

    def add_subparsers(self, **options: Any) -> Any:
        """Add the commands; without a command, the help is printed."""
        self.register("action", "parsers", _Commands)
        self.set_defaults(**{_CALL: (self.format_help, (), None, (), None)})
        title = options["title"].rpartition(" ")[2].replace("callables", "commands")
        return super().add_subparsers(title=title, metavar=title[:-1].upper())

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the command line; simplifiedapp calls it only on the program's parser."""
        from pyorg_pipeline.model.values import json_value  # noqa: PLC0415
        from pyorg_pipeline.reports.lines import result_text  # noqa: PLC0415

        found = super().parse_args(args, namespace)
        # simplifiedapp calls this function with values that JSON cannot write.
        found._json_default = json_value
        # The level applies to this package; libraries only log warnings and errors.
        level = logging.getLevelNamesMapping()[found.log_level.upper()]
        if level != logging.WARNING:  # the default, which would also hide progress
            logging.getLogger("pyorg_pipeline").setLevel(level or logging.DEBUG)
        found.log_level = logging.getLevelName(max(level, logging.WARNING))
        function, *signature = getattr(found, _CALL)
        name = function.__name__
        if found.json and name.startswith(_REPORT):
            values = name.replace(_REPORT, _LIST)
            self.error(f"{name} prints a table and has no JSON: use {values}")

        def call(*values: Any, **named: Any) -> object:
            result = function(*values, **named)
            if (error := getattr(result, "error", None)) is not None:
                self._failures.append(error)
            return result if found.json else result_text(result)

        setattr(found, _CALL, (call, *signature))
        return found


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg]  # no generic at run time
    """The commands of a parser, with a line of help for each."""

    def add_parser(self, name: str, **options: Any) -> CommandParser:
        parser: CommandParser = super().add_parser(name, help=options.get("description"), **options)
        return parser


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Docstrings as help: paragraphs are wrapped to the terminal, indented ones are not."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        text = text.replace("Example: ", f"Example: {PROGRAM} ")
        return "\n\n".join(
            paragraph
            if "\n " in paragraph or paragraph.startswith((" ", "Example"))
            else fill(paragraph, width, initial_indent=indent, subsequent_indent=indent)
            for paragraph in text.split("\n\n")
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, as `run_program` describes it."""
    return run_program(partial(_main, arguments))


def _main(arguments: Sequence[str] | None) -> int:
    import simplifiedapp  # noqa: PLC0415  # Ctrl-C during imports is handled by run_program

    from pyorg_pipeline.facade import PythonOrgDownloads  # noqa: PLC0415

    failures: list[Exception] = []
    simplifiedapp.DEFAULT_ARGUMENT_PARSER = (
        partial(CommandParser, prog=PROGRAM, failures=failures),
        [],
        {"formatter_class": _HelpFormatter},
    )
    # Every class and function of the module would become a command.
    program = ModuleType("pyorg_pipeline", _DESCRIPTION)
    program.PythonOrgDownloads = PythonOrgDownloads  # type: ignore[attr-defined]
    simplifiedapp.main(program, arguments)
    if failures:
        sys.stdout.flush()
        raise failures[0]
    return 0


if __name__ == "__main__":
    sys.exit(end_process(main()))
