"""The command line: simplifiedapp over cli.py, and what a person needs beyond it.

simplifiedapp makes the parsers out of the commands' signatures and docstrings, calls the command
and prints its result. Here is what its parser class lacks: an overview of the commands, flags
that are switches too, results for people and for programs, and errors without a traceback.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import simplifiedapp

from pyorg_pipeline import cli
from pyorg_pipeline.errors import PyorgError, SettingsError
from pyorg_pipeline.model.flags import Flag
from pyorg_pipeline.reports.results import json_value, result_text
from pyorg_pipeline.reports.words import printable

#: Where simplifiedapp looks for what to call: the callable, then the names of its arguments.
_CALL: Final = "__simplifiedapp_"

#: What a shell reports of a program that Ctrl-C, or the end of its reader, has ended.
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141


class CommandParser(argparse.ArgumentParser):
    """The parser of the program (with `results`), or of one of its commands.

    Args:
        results: takes what the command returned, as it is, before it is printed.
        options: argparse's own.
    """

    def __init__(self, *, results: list[object] | None = None, **options: Any) -> None:
        # Abbreviations would turn each new option into an ambiguity of older scripts.
        super().__init__(**options, allow_abbrev=False)
        self._results = results
        if results is not None:
            # simplifiedapp hands what JSON cannot write to this function.
            self.set_defaults(_json_default=json_value)
            self.add_argument("--version", action=_ShowVersion)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Add an argument; a flag may stand alone as a switch, and defaults are told."""
        if options.get("type") is Flag:
            options.update(nargs="?", const=True, metavar="true|false")
        elif names == ("--log-level",):
            options["default"] = "warning"
        default = options.get("default")
        if default not in {None, argparse.SUPPRESS} and "help" not in options:
            options["help"] = "default: %(default)s"
        return super().add_argument(*names, **options)

    def add_subparsers(self, **options: Any) -> Any:
        """Add the commands; without one of them, this parser's help is what is asked for."""
        self.register("action", "parsers", _Commands)
        self.set_defaults(**{_CALL: (self.format_help, (), None, (), None)})
        title = options["title"].rpartition(" ")[2].replace("callables", "commands")
        return super().add_subparsers(title=title, metavar=title[:-1].upper())

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the command line; simplifiedapp calls this on the program's parser alone."""
        found = super().parse_args(args, namespace)
        # Our own messages as asked for, those of libraries only if something is wrong.
        level = logging.getLevelNamesMapping()[found.log_level.upper()]
        logging.getLogger(__package__).setLevel(level)
        found.log_level = logging.getLevelName(max(level, logging.WARNING))
        function, *signature = getattr(found, _CALL)

        def call(*values: Any, **named: Any) -> object:
            result = function(*values, **named)
            if self._results is not None:
                self._results.append(result)
            return result if found.json else result_text(result)

        if function != self.format_help ...
        setattr(found, _CALL, (call, *signature))
        return found
