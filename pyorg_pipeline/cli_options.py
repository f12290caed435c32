"""The program `pyorg`, the options that several commands share, and the values they take."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final, TypeVar

import click

from pyorg_pipeline.model import names
from pyorg_pipeline.model.arguments import parse_path, parse_verification
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.versions import RELEASE_LEVELS, SERIES, VERSION

_F = TypeVar("_F", bound=Callable[..., Any])

TYPES: Final = (*dict.fromkeys(rule.artifact_type for rule in names.RULES), UNRECOGNISED)
FORMATS: Final = tuple(
    dict.fromkeys(each for rule in names.RULES for each in rule.formats.values())
)
#: Those of today.
ARCHITECTURES: Final = ("amd64", "arm64", "win32", "x86_64")
LEVELS: Final = tuple(RELEASE_LEVELS)
#: How strictly downloads are verified, as people and as the library write it.
VERIFICATIONS: Final[Mapping[str, bool | str]] = {
    "auto": True,
    "digest": "digest",
    "signature": "signature",
    "size": False,
}

#: What others call these values.
_SYNONYMS: Final = {
    text: value
    for value, texts in {
        "amd64": ("x64", "x86-64", "win64", "64bit"),
        "arm64": ("aarch64",),
        "win32": ("32bit",),
        "alpha": ("a",),
        "beta": ("b",),
        "candidate": ("rc", "c"),
        "final": ("stable",),
        "tarball_lzma": ("xz", "txz", "tar.xz"),
        "tarball_deflate": ("gz", "tgz", "tar.gz"),
        "tarball_bzip2": ("bz2", "tar.bz2"),
        "installer_package": ("pkg",),
        "disk_image": ("dmg",),
        "documentation": ("docs",),
        "auto": ("true",),
        "size": ("false", "none"),
    }.items()
    for text in texts
}


class Choice(click.ParamType[Any]):
    """One of some choices, or what it stands for; an error names the nearest choice."""

    def __init__(self, name: str, choices: Mapping[str, Any] | Sequence[str]) -> None:
        self.name = name
        self.choices = tuple(choices)
        self.meanings = choices if isinstance(choices, Mapping) else {}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What the choice, in upper or lower case, stands for: by default its own text."""
        text = value.lower()
        if text not in self.choices:
            near = _nearest(value, self.choices)
            listed = f"{value!r} is not one of {', '.join(self.choices)}."
            self.fail(f"{listed} Did you mean {near}?" if near else listed, param, ctx)
        return self.meanings.get(text, text)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[Any]:
        """The choices that begin like this."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        return [CompletionItem(one) for one in self.choices if one.startswith(incomplete)]


def _nearest(text: str, choices: Sequence[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415  # only for errors

    text = text.lower()
    near = [_SYNONYMS.get(text), *(one for one in choices if one.startswith(text))]
    return next((one for one in [*near, *get_close_matches(text, choices)] if one in choices), None)


class Version(click.ParamType[str]):
    """A version such as 3.13.9 or 3.15.0rc1, or a series such as 3.13."""

    name = "version"
    pattern = VERSION
    form = "a version such as 3.13.9 or 3.15.0rc1, or a series such as 3.13"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text; an error names the version in it, if there is one."""
        if self.pattern.fullmatch(value) is None:
            near = self.pattern.search(value)
            listed = f"{value!r} is not {self.form}"
            if value.isdecimal():
                self.fail(f"{listed}: the minor version is missing.", param, ctx)
            self.fail(f"{listed}. Did you mean {near[0]}?" if near else f"{listed}.", param, ctx)
        return str(value)


class Series(Version):
    """A series such as 3.13."""

    name = "series"
    pattern = SERIES
    form = "a series such as 3.13"


class Several(click.ParamType[list[str]]):
    """Values separated by commas."""

    def __init__(self, one: click.ParamType[Any]) -> None:
        self.name = one.name
        self._one = one

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        """The values."""
        texts = [text.strip() for text in value.split(",")]
        if not all(texts):
            self.fail(f"{value!r} has an empty value.", param, ctx)
        return [self._one.convert(text, param, ctx) for text in texts]

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        """The completions of one value."""
        return self._one.shell_complete(ctx, param, incomplete)


def _together(*decorators: Callable[[_F], _F]) -> Callable[[_F], _F]:
    return lambda command: reduce(lambda done, one: one(done), reversed(decorators), command)


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value:
        return
    if param.name == "json":
        # The contexts of the program and of its command share this.
        ctx.meta["json"] = True
    else:
        level = logging.DEBUG if param.name == "verbose" else logging.WARNING
        logging.getLogger("pyorg_pipeline").setLevel(level)


def _output(*names: str, help: str) -> click.Option:
    return click.Option(names, is_flag=True, expose_value=False, callback=_remember, help=help)


#: Of the program and of every command.
OUTPUT_OPTIONS: Final = (
    _output("--json", help="Print the result as JSON."),
    _output("-q", "--quiet", help="Print only results, warnings and errors."),
    _output("-v", "--verbose", help="Log each step on stderr."),
)


def _flat(_ctx: click.Context, _param: click.Parameter, values: Iterable[list[str]]) -> list[str]:
    return [text for value in values for text in value]


def _several(option: str, name: str, of: click.ParamType[Any], help: str) -> Callable[[_F], _F]:
    return click.option(
        *(option, name),
        type=Several(of),
        multiple=True,
        callback=_flat,
        metavar=f"{of.name.upper()},...",
        help=help,
    )


pre_releases_option: Final = click.option(
    *("--pre-releases", "final_only"),
    flag_value=False,
    default=True,
    show_default=False,
    help="Include alphas, betas and release candidates.",
)

supported_option: Final = click.option(
    *("--supported", "supported_only"),
    is_flag=True,
    help="Only series that get bugfix or security releases now.",
)
port_option: Final = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    metavar="NUMBER",
    help="The port of Dagster's UI.",
)
verify_option: Final = click.option(
    "--verify",
    type=Choice("how", VERIFICATIONS),
    default="auto",
    # Before anything else: `signature` needs an extra.
    callback=lambda _ctx, _param, value: parse_verification(value),
    metavar="HOW",
    help="How files are verified. auto: by the strongest method that the site's files allow; "
    "digest: a published digest is required; signature: a Sigstore signature by the release "
    "manager is required; size: by the size alone.",
)


def path_given(_ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A path or URL; an empty one is wrong usage, not the current folder."""
    return parse_path(str(param.name), value)


#: What artifacts have to meet; `selected` takes the values.
selection_options: Final = _together(
    _several("--series", "series", Series(), "Only these series, such as 3.13."),
    pre_releases_option,
    _several(
        *("--level", "releaselevel", Choice("level", LEVELS)),
        f"Only releases of this level: {', '.join(LEVELS)}.",
    ),
    click.option(
        *("--complete", "complete_only"),
        is_flag=True,
        help="Only releases that have everything that the ones before them had.",
    ),
    _several(
        *("--type", "artifact_type", Choice("type", TYPES)),
        f"Only artifacts of this type: {', '.join(TYPES)}.",
    ),
    _several(
        *(
            "--arch",
            "arch",
            Choice("arch", [*dict.fromkeys((*ARCHITECTURES, *names.ARCHITECTURES))]),
        ),
        f"Only artifacts for this architecture: {', '.join(ARCHITECTURES)}, or an earlier one.",
    ),
    _several(
        *("--format", "format", Choice("format", FORMATS)),
        f"Only artifacts in this format: {', '.join(FORMATS)}.",
    ),
    click.option(
        "--free-threaded/--no-free-threaded",
        default=None,
        help="Only free-threaded builds, or only others.  [default: both]",
    ),
    click.option(
        "--attribute",
        multiple=True,
        metavar="NAME=VALUE",
        help="Only artifacts with this value in a column of the catalog, such as embed=true, "
        "webinstall=true or oldest_macos=10.13, which is shown as 10.13+. Can be repeated.",
    ),
)


#: How many artifacts are downloaded, where to and how.
amount_options: Final = _together(
    click.option(
        "--newest-only/--all-versions",
        default=True,
        help="Only the newest matching version of each series, or all of them.",
    ),
    click.option(
        "--limit",
        type=click.IntRange(min=0),
        default=0,
        metavar="NUMBER",
        help="At most this many artifacts, the newest; 0 means no limit.",
    ),
)

#: Where to and how artifacts are downloaded.
download_options: Final = _together(
    amount_options,
    click.option(
        *("-d", "--destination"),
        default=".",
        callback=path_given,
        metavar="FOLDER|URL",
        help="The folder to download to, or a URL such as s3://bucket/prefix.",
    ),
    click.option(
        "--companions",
        is_flag=True,
        help="Also download the files about each artifact, such as signatures.",
    ),
    verify_option,
    click.option("--overwrite", is_flag=True, help="Replace existing files."),
    click.option("--dry-run", is_flag=True, help="Only list what would be downloaded."),
    click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        default=32,
        metavar="NUMBER",
        help="The number of artifacts in a batch.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(min=0),
        default=2,
        metavar="NUMBER",
        help="How often a batch is retried after a transient error.",
    ),
    click.option(
        "--retry-delay",
        type=click.FloatRange(min=0, max=86_400, clamp=False),
        default=30,
        metavar="SECONDS",
        help="The delay before the first retry, doubled for each further one.",
    ),
)


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
    params=list(OUTPUT_OPTIONS),
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog=_EPILOG,
)
@click.version_option(package_name="pyorg-pipeline", prog_name="pyorg")
def program() -> None:
    """Everything that python.org offers for download, from a catalog on this machine."""


def translated(message: str) -> str:
    """A message of the library with options instead of Python's arguments.

    An argument with another spelling becomes its option (`artifact_type` is `--type`), and so
    does one with a value (`overwrite=True` is `--overwrite`, `verify=False` is `--verify size`,
    `arch 'x'` is `--arch 'x'`). Words in quotes are a user's.
    """
    commands = program.commands.values()
    options = [one for each in commands for one in each.params if isinstance(one, click.Option)]
    names: dict[str, str] = {}
    words: dict[str, str] = {}
    for option in options:
        name, spelling = str(option.name), option.opts[-1]
        names[name] = spelling
        if "_" in name or name not in spelling:
            words[name] = spelling
        if isinstance(option.type, Choice):
            meanings = option.type.meanings.items()
            words |= {f"{name}={value!r}": f"{spelling} {text}" for text, value in meanings}
        elif option.is_flag:
            # click knows the value of a switch only once it parses it.
            words[f"{name}={option.flag_value is not False}"] = spelling
    longest = sorted(words, key=len, reverse=True)
    alone, named = ("|".join(map(re.escape, each)) for each in (longest, names))
    pattern = rf"(?<![\w./'-])(?:(?:{alone})(?![\w=/'])|(?:{named})(?= '))"
    return re.sub(pattern, lambda found: (names | words)[found[0]], message)
