"""docs/command-line.md, made from the program: its parsers, its docstrings, its signatures."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from pathlib import Path
from textwrap import fill
from typing import Any, Final

import simplifiedapp

from pyorg_pipeline import cli, facade
from pyorg_pipeline.__main__ import _INTERRUPTED, _PIPE_CLOSED, CommandParser
from pyorg_pipeline.facade import PythonOrgDownloads

README: Final = Path(__file__).parents[1] / "README.md"

_INTRODUCTION: Final = f"""\
# The command line

<!-- Made by `python -m tools.write_pages`; a test compares. -->

`pyorg [OPTIONS] COMMAND ...`, or `python -m pyorg_pipeline` with the same. Every command has
`--help`. A switch such as `--full` may stand alone or take a value: `--full`, `--full true` and
`--full false`; `yes`, `no`, `1` and `0` will do.

What a command answers goes to stdout: a line an item for lists, a table for reports. With `--json`,
which stands before the command, it is one JSON value; reports refuse that, and name the method that
lists the same. Messages, progress and the report of `pyorg download` go to stderr.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | an error, in one line on stderr that says what to do; [trouble.md](trouble.md) has them all |
| 2 | a wrong usage, a setting that cannot be used, or an extra that is not installed |
| {_INTERRUPTED} | interrupted by Ctrl-C |
| {_PIPE_CLOSED} | the reader of stdout has gone, as with `pyorg ... \\| head` |

## Settings

From the environment:

"""

#: What the annotations of the command line's arguments stand for in Python.
_PYTHON_TYPES: Final = {"Flag": "bool", "Verification": "bool | str"}


def command_line_page() -> str:
    """The whole page."""
    program = _program()
    parts = [_INTRODUCTION + settings_table(README.read_text(encoding="utf-8"))]
    parts += ["## Options that stand before the command", _options(program)]
    for name, parser in _commands(program).items():
        if name == PythonOrgDownloads.__name__:
            continue
        parts += [f"## pyorg {name}", *_documented(inspect.getdoc(getattr(cli, name)) or "")]
        parts.append(_options(parser))
    parts += ["## pyorg PythonOrgDownloads", *_methods(_commands(program)["PythonOrgDownloads"])]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def settings_table(readme: str) -> str:
    """The README's table of settings."""
    found = re.search(r"^\| variable \|.*\n\| ---.*\n(?:\|.*\n)+", readme, re.MULTILINE)
    assert found is not None
    # The README's links start from another folder.
    return found[0].replace("](docs/", "](")


def public_methods() -> dict[str, ast.FunctionDef]:
    """The public methods of PythonOrgDownloads by name, in the order of the source."""
    tree = ast.parse(inspect.getsource(facade))
    [class_] = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == PythonOrgDownloads.__name__
    ]
    # Of overloads the last one counts, which is the method itself.
    return {
        node.name: node
        for node in class_.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def _program() -> CommandParser:
    """The parser that simplifiedapp builds of the commands, as `pyorg` does."""
    parser = CommandParser(prog="pyorg", results=[])
    content = {**simplifiedapp.BUILTIN_ARGPARSE_OPTIONS, **simplifiedapp.module_args(cli)}
    built: CommandParser = simplifiedapp.build_parser(content, parser)
    return built


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    [action] = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(sorted(action.choices.items()))


def _methods(parser: argparse.ArgumentParser) -> list[str]:
    """Each method: how Python calls it, what it does, and what the command line takes."""
    definitions = public_methods()
    parsers = _commands(parser)
    assert parsers.keys() == definitions.keys()
    first, *_ = (inspect.getdoc(PythonOrgDownloads) or "").split("\n\n")
    parts = [first, "In Python the same methods take the same arguments."]
    for name, definition in definitions.items():
        method = getattr(PythonOrgDownloads, name)
        parts += [f"### {name}", f"```text\n{_signature(definition)}\n```"]
        parts += [*_documented(inspect.getdoc(method) or ""), _options(parsers[name])]
    return parts


def _signature(definition: ast.FunctionDef) -> str:
    """As the source writes it, a line an argument, without what the class adds."""
    arguments = definition.args
    del arguments.args[0]
    shown = [
        _argument(argument, default)
        for argument, default in zip(
            arguments.args,
            [None] * (len(arguments.args) - len(arguments.defaults)) + [*arguments.defaults],
            strict=True,
        )
    ]
    if arguments.kwonlyargs:
        shown.append("*")
    shown += [
        _argument(argument, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    assert definition.returns is not None
    returns = f" -> {ast.unparse(definition.returns)}"
    line = f"{definition.name}({', '.join(shown)}){returns}"
    if len(line) <= 100:
        return line
    return "\n".join([f"{definition.name}(", *(f"    {one}," for one in shown), f"){returns}"])


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    assert argument.annotation is not None
    kind = ast.unparse(argument.annotation)
    text = f"{argument.arg}: {_PYTHON_TYPES.get(kind, kind)}"
    if default is None:
        return text
    if isinstance(default, ast.Name):
        value = getattr(facade, default.id)
        return f"{text} = {value!r}"
    return f"{text} = {ast.unparse(default)}"


def _documented(docstring: str) -> list[str]:
    """A docstring as Markdown: paragraphs, the example as code, errors as a list."""
    parts = []
    for paragraph in docstring.split("\n\n"):
        if paragraph.startswith("Raises:"):
            parts.append(_errors(paragraph))
        elif paragraph.startswith("Example: "):
            parts.append(f"Example: `{paragraph.removeprefix('Example: ')}`")
        else:
            parts.append(_paragraph(paragraph))
    return parts


def _errors(paragraph: str) -> str:
    items = re.findall(r"^ +([A-Z][\w, ]*?): (.*(?:\n {8,}.*)*)", paragraph, re.MULTILINE)
    lines = []
    for names, text in items:
        shown = ", ".join(f"`{name}`" for name in names.split(", "))
        lines.append(_paragraph(f"- {shown}: {' '.join(text.split())}", "  "))
    return "\n".join(["Errors:", "", *lines])


def _options(parser: argparse.ArgumentParser) -> str:
    """What a command takes, one item an argument."""
    lines = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            continue
        lines.append(_paragraph(f"- `{_spelling(action)}`{_told(action)}", "  "))
    return "\n".join(["Takes on the command line:", "", *lines]) if lines else ""


def _spelling(action: argparse.Action) -> str:
    if not action.option_strings:
        return action.dest.upper()
    name = action.option_strings[-1]
    if action.nargs == 0:
        return name
    if action.choices is not None:
        return f"{name} {'|'.join(map(str, action.choices))}"
    value = str(action.metavar or action.dest.upper())
    if isinstance(action.nargs, int):
        return " ".join([name] + [value] * action.nargs)
    return f"{name} [{value}]" if action.nargs == "?" else f"{name} {value}"


def _told(action: argparse.Action) -> str:
    """Its default and what its help says."""
    default: Any = action.default
    own = re.sub(r" ?\(?default: %\(default\)s\)?", "", action.help or "")
    told = [own.rstrip(".")] if own else []
    if action.nargs != 0 and default is not argparse.SUPPRESS and default not in (None, [], ""):
        told.append(f"default `{str(default).lower() if isinstance(default, bool) else default}`")
    return f": {'; '.join(told)}" if told else ""


def _paragraph(text: str, indent: str = "") -> str:
    return fill(
        " ".join(text.split()),
        100,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
