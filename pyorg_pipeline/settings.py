"""The settings that users make with environment variables, checked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from pyorg_pipeline.errors import InvalidArgumentError, SettingsError
from pyorg_pipeline.model.arguments import (
    DEFAULT_CONCURRENCY,
    LARGEST_CONCURRENCY,
    parse_age,
    parse_flag,
    parse_folder,
)
from pyorg_pipeline.model.artifacts import PYTHON_ORG
from pyorg_pipeline.model.text import origin_text, without_credentials

#: Every variable with its default. Empty defaults: PYORG_HOME is the user's data folder as
#: platformdirs knows it, the other two folders are in it, and there is no webhook.
DEFAULTS: Final = {
    "PYORG_SITE_URL": PYTHON_ORG,
    "PYORG_HOME": "",
    "PYORG_CATALOG_URL": "",
    "DAGSTER_HOME": "",
    "PYORG_CONCURRENCY": str(DEFAULT_CONCURRENCY),
    "PYORG_AUTO_REFRESH": "1",
    "PYORG_MAX_AGE": "1d",
    "PYORG_WEBHOOK_URL": "",
    "PYORG_AUTOMATION": "1",
    # Not on the hour, when most cron jobs in the world send their requests.
    "PYORG_REFRESH_CRON": "17 * * * *",
    "PYORG_FULL_REFRESH_CRON": "41 4 * * 0",
    "PYORG_TIMEZONE": "UTC",
    "PYORG_LOOK_EVERY": "30",
    "PYORG_KEEP_RUNS": "30",
}
#: What the default of PYORG_HOME depends on.
_USER_FOLDERS: Final = ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA", "USERPROFILE")

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a process."""

    #: Ends in a slash.
    site_url: str
    #: Whether a user set it; otherwise the catalog's own site counts.
    site_is_given: bool
    #: The folder of the catalog, Dagster's home and the locks, unless they are set separately.
    home: Path
    #: A path, or a URL that fsspec can serve.
    catalog_url: str
    dagster_home: Path
    #: Directories read at the same time.
    concurrency: int
    #: Whether a query refreshes a missing or old catalog first.
    auto_refresh: bool
    #: The age from which a catalog is old; None for no age.
    max_age: timedelta | None
    #: Whether schedules and sensors are on until a user stops them in the UI.
    automation: bool
    #: When the root listing is read, and when every directory is crawled.
    refresh_cron: str
    full_refresh_cron: str
    timezone: str
    #: Seconds between two evaluations of which directories are due.
    look_every: int
    #: Days after which runs that were started by automation are deleted.
    keep_runs: int
    #: Where failed runs and new releases are posted. Its path is a secret.
    webhook_url: str | None = field(default=None, repr=False)

    @property
    def site_text(self) -> str:
        """The site's URL for people and other hosts: without credentials."""
        return without_credentials(self.site_url)

    @property
    def lock_folder(self) -> Path:
        """The folder for locks of catalogs that are not local."""
        return self.home / "locks"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in the environment, by default the process's; `DEFAULTS` lists the variables.

    They are checked again only if the environment has changed.

    Raises:
        SettingsError: A variable has an invalid value.
    """
    source = os.environ if environment is None else environment
    return _checked((*map(source.get, DEFAULTS), *map(os.environ.get, _USER_FOLDERS)))


@lru_cache(maxsize=1)
def _checked(variables: tuple[str | None, ...]) -> Settings:
    given = {name: (text or "").strip() for name, text in zip(DEFAULTS, variables, strict=False)}

    def value(name: str, parse: Callable[[str], _Value]) -> _Value:
        return _parsed(name, given[name] or DEFAULTS[name], parse)

    home = value("PYORG_HOME", _folder)
    if home is None:
        import platformdirs  # noqa: PLC0415  # needed only if no home was set

        home = Path(platformdirs.user_data_dir("pyorg_pipeline", appauthor=False))
    return Settings(
        site_url=value("PYORG_SITE_URL", _site_url),
        site_is_given=bool(given["PYORG_SITE_URL"]),
        home=home,
        catalog_url=value("PYORG_CATALOG_URL", _catalog_url) or str(home / "catalog"),
        dagster_home=value("DAGSTER_HOME", _folder) or home / "dagster",
        concurrency=value("PYORG_CONCURRENCY", partial(_number, largest=LARGEST_CONCURRENCY)),
        auto_refresh=value("PYORG_AUTO_REFRESH", _switch),
        max_age=value("PYORG_MAX_AGE", parse_age) or None,
        automation=value("PYORG_AUTOMATION", _switch),
        refresh_cron=value("PYORG_REFRESH_CRON", _cron),
        full_refresh_cron=value("PYORG_FULL_REFRESH_CRON", _cron),
        timezone=value("PYORG_TIMEZONE", _timezone),
        look_every=value("PYORG_LOOK_EVERY", partial(_number, largest=3600)),
        keep_runs=value("PYORG_KEEP_RUNS", partial(_number, largest=36500)),
        webhook_url=value("PYORG_WEBHOOK_URL", _webhook_url),
    )


@lru_cache(maxsize=64)
def derived_settings(settings: Settings, site_url: str | None, catalog_url: str | None) -> Settings:
    """The settings with another site or catalog; another site has a home of its own."""
    if site_url is not None:
        url = _parsed("BASE_URL", site_url, _site_url)
        if url != settings.site_url:
            home = settings.home / "sites" / _folder_name(url)
            settings = replace(
                settings,
                site_url=url,
                home=home,
                catalog_url=str(home / "catalog"),
                dagster_home=home / "dagster",
            )
        settings = replace(settings, site_is_given=True)
    if catalog_url:
        settings = replace(settings, catalog_url=_parsed("CATALOG_URL", catalog_url, _catalog_url))
    return settings


def _folder_name(url: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", without_credentials(url)).strip("-")


def _parsed(name: str, text: str, parse: Callable[[str], _Value]) -> _Value:
    try:
        return parse(text)
    except ValueError as error:
        # The path of a webhook's URL is a secret.
        shown = origin_text(text) if parse is _webhook_url else text
        raise SettingsError(name, shown, str(error)) from None


def _site_url(text: str) -> str:
    if not _is_http(text) or "?" in text or "#" in text:
        raise ValueError(f"it has to be a URL such as {DEFAULTS['PYORG_SITE_URL']}")
    return text.rstrip("/") + "/"


def _webhook_url(text: str) -> str | None:
    if text and not _is_http(text):
        raise ValueError("it has to be a URL such as https://hooks.example/services/secret")
    return text or None


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_address and parts.scheme in {"http", "https"} and not re.search(r"[\s\x00-\x1f]", url)


def _catalog_url(text: str) -> str:
    return text if "://" in text else str(_folder(text) or "")


def _folder(text: str) -> Path | None:
    if not text:
        return None
    if "\0" in text:
        raise ValueError("a path cannot contain NUL")
    path = parse_folder(text).absolute()
    if path.exists() and not path.is_dir():
        raise ValueError("it exists and is not a folder")
    return path


def _number(text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= largest):
        raise ValueError(f"it has to be a whole number from 1 to {largest}")
    return int(text)


def _cron(text: str) -> str:
    # Dagster checks the fields themselves.
    if len(text.split()) != 5:
        raise ValueError("it has to be a cron expression such as 17 * * * *")
    return text


def _timezone(text: str) -> str:
    if text != "UTC":
        from zoneinfo import ZoneInfo  # noqa: PLC0415  # a query needs no time zones

        try:
            ZoneInfo(text)
        except (KeyError, ValueError, OSError):  # an unknown name is a KeyError
            raise ValueError("it has to be a time zone such as Europe/Berlin") from None
    return text


def _switch(text: str) -> bool:
    try:
        return parse_flag("", text)
    except InvalidArgumentError:
        raise ValueError("it has to be 1 or 0") from None
