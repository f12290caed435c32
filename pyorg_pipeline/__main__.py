"""The command line: simplifiedapp makes parsers of cli.py's signatures and docstrings.

The parser class adds an overview of the commands, flags as switches, results as text and JSON, and
errors without a traceback.
"""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from io import TextIOWrapper
from textwrap import fill
from typing import Any, Final

import simplifiedapp

from pyorg_pipeline import cli
from pyorg_pipeline.errors import ExtraMissingError, PyorgError, SettingsError
from pyorg_pipeline.model.arguments import Flag
from pyorg_pipeline.model.values import json_value
from pyorg_pipeline.reports.lines import printable, result_text

#: Where simplifiedapp finds the callable and the names of its arguments.
_CALL: Final = "__simplifiedapp_"

#: Options of simplifiedapp that do not work: files of values do not reach the commands, and a
#: function cannot be given as text.
_LEFT_OUT: Final = frozenset({"--input-file", "--progress"})
#: The prefixes of methods that print a table, and of those that return its rows.
_REPORT, _LIST = "report_", "list_"

#: The exit codes that a shell reports after SIGINT and SIGPIPE.
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141


class CommandParser(argparse.ArgumentParser):
    """The parser of the program (with `results`), or of one of its commands.

    Args:
        results: The list that the command's result is added to before it is printed.
        options: Those of argparse.
    """

    def __init__(self, *, results: list[object] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._results = results
        if results is not None:
            # simplifiedapp calls this function with values that JSON cannot write.
            self.set_defaults(_json_default=json_value)
            self.add_argument("--version", action=_ShowVersion)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Add an argument; a flag may be a switch, and the help shows defaults."""
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
        found = super().parse_args(args, namespace)
        # The level applies to this package; libraries only log warnings and errors.
        level = logging.getLevelNamesMapping()[found.log_level.upper()]
        logging.getLogger("pyorg_pipeline").setLevel(level or logging.DEBUG)
        found.log_level = logging.getLevelName(max(level, logging.WARNING))
        function, *signature = getattr(found, _CALL)
        name = function.__name__
        if found.json and name.startswith(_REPORT):
            values = name.replace(_REPORT, _LIST)
            self.error(f"{name} prints a table and has no JSON: use {values}")

        def call(*values: Any, **named: Any) -> object:
            result = function(*values, **named)
            if self._results is not None:
                self._results.append(result)
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
        return "\n\n".join(
            paragraph
            if "\n " in paragraph or paragraph.startswith((" ", "Example"))
            else fill(paragraph, width, initial_indent=indent, subsequent_indent=indent)
            for paragraph in text.split("\n\n")
        )


class _ShowVersion(argparse.Action):
    """The option --version."""

    def __init__(self, option_strings: Sequence[str], **_options: Any) -> None:
        text = "show the version and exit"
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=text)

    def __call__(self, parser: argparse.ArgumentParser, *_values: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415  # costs 20 ms

        print("pyorg_pipeline", version("pyorg-pipeline"))  # noqa: T201
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0: done. 1: an error, explained by the message. 2: wrong usage, an invalid setting or a missing
    extra. 130: interrupted. Other exceptions are bugs and keep their traceback.
    """
    # Dagster creates hundreds of thousands of objects that are never freed. To search them for
    # garbage again and again, and once more at the end, takes a fifth of a refresh's time.
    gc.set_threshold(500_000)
    atexit.register(gc.freeze)
    results: list[object] = []
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        # As on stderr: a character that the terminal cannot show is escaped, not an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    simplifiedapp.DEFAULT_ARGUMENT_PARSER = (
        partial(CommandParser, prog="pyorg", results=results),
        [],
        {"formatter_class": _HelpFormatter},
    )
    try:
        simplifiedapp.main(cli, arguments)
        # Here and not when the interpreter ends, so that a closed pipe or a full disk is handled.
        print(end="", flush=True)  # noqa: T201  # does nothing where stdout was closed
        for result in results:
            _raise_failures(result)
    except PyorgError as error:
        message = " ".join(str(error).split())
        print(f"pyorg: {printable(message)}", file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, SettingsError | ExtraMissingError) else 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.ENOSPC}:
            raise
        # The interpreter flushes again when it ends, which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return _PIPE_CLOSED
        print(f"pyorg: the output could not be written: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _raise_failures(result: object) -> None:
    """Raise the error of a refresh or download, after its summary was printed."""
    error = getattr(result, "error", None)
    if isinstance(error, PyorgError):
        raise error


if __name__ == "__main__":
    sys.exit(main())
