"""The settings that users make with environment variables, checked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pyorg_pipeline.errors import InvalidArgumentError, SettingsError
from pyorg_pipeline.model.arguments import DEFAULT_CONCURRENCY, LARGEST_CONCURRENCY, parse_flag
from pyorg_pipeline.model.text import origin_text

#: Every variable with its default. Empty defaults: PYORG_HOME is the user's data folder as
#: platformdirs knows it, the other two folders are in it, and there is no webhook.
DEFAULTS: Final = {
    "PYORG_SITE_URL": "https://www.python.org/ftp/python/",
    "PYORG_HOME": "",
    "PYORG_CATALOG_URL": "",
    "DAGSTER_HOME": "",
    "PYORG_CONCURRENCY": str(DEFAULT_CONCURRENCY),
    "PYORG_AUTO_REFRESH": "1",
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


@dataclass(frozen=True, slots=True)
class Automation:
    """What Dagster's daemon does by itself, and when."""

    #: Whether schedules and sensors are on until a user stops them in the UI.
    on: bool
    #: When the root listing is read.
    refresh_cron: str
    #: When every directory is crawled.
    full_refresh_cron: str
    #: The time zone of both.
    timezone: str
    #: Seconds between two evaluations of which directories are due.
    look_every: int
    #: Days after which runs that were started by automation are deleted.
    keep_runs: int


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a process."""

    #: Ends in a slash.
    site_url: str
    #: Whether a user set it.
    site_is_given: bool
    #: The folder of the catalog, Dagster's home and the locks, unless they are set separately.
    home: Path
    #: A path, or a URL that fsspec can serve.
    catalog_url: str
    dagster_home: Path
    #: Directories read at the same time.
    concurrency: int
    #: Whether a query refreshes a missing catalog first.
    auto_refresh: bool
    automation: Automation
    #: Where failed runs and new releases are posted. Its path is a secret.
    webhook_url: str | None = field(default=None, repr=False)

    @property
    def lock_folder(self) -> Path:
        """The folder for locks of catalogs that are not local."""
        return self.home / "locks"


@lru_cache(maxsize=64)
def derived_settings(settings: Settings, site_url: str | None, catalog_url: str | None) -> Settings:
    """The settings with another site, if one is given, and with another catalog.

    A catalog holds one site: another one has a home of its own below that of the settings.

    Raises:
        SettingsError: the site is not a URL, or the catalog is a path that is not a folder.
    """
    if site_url is not None:
        url = _site_url("BASE_URL", site_url)
        if url != settings.site_url:
            home = settings.home / "sites" / re.sub(r"[^A-Za-z0-9.]+", "-", url).strip("-")
            settings = replace(
                settings,
                site_url=url,
                home=home,
                catalog_url=str(home / "catalog"),
                dagster_home=home / "dagster",
            )
        settings = replace(settings, site_is_given=True)
    if catalog_url is not None:
        settings = replace(settings, catalog_url=_catalog_url("CATALOG_URL", catalog_url))
    return settings


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; `DEFAULTS` lists the variables.

    They are read from the environment and checked once, and again only if it has changed.

    Args:
        environment: Used in place of the process's environment.

    Raises:
        SettingsError: A variable has an invalid value.
    """
    if environment is not None:
        return _checked(environment)
    return _checked_once(tuple(map(os.environ.get, (*DEFAULTS, *_USER_FOLDERS))))


@lru_cache(maxsize=1)
def _checked_once(_variables: tuple[str | None, ...]) -> Settings:
    return _checked(os.environ)


def _checked(environment: Mapping[str, str]) -> Settings:
    def given(name: str) -> str:
        return environment.get(name, "").strip()

    def value(name: str) -> str:
        return given(name) or DEFAULTS[name]

    home = _folder("PYORG_HOME", value("PYORG_HOME")) or _default_home()
    return Settings(
        site_url=_site_url("PYORG_SITE_URL", value("PYORG_SITE_URL")),
        site_is_given=bool(given("PYORG_SITE_URL")),
        home=home,
        catalog_url=_catalog_url(
            "PYORG_CATALOG_URL", value("PYORG_CATALOG_URL") or str(home / "catalog")
        ),
        dagster_home=_folder("DAGSTER_HOME", value("DAGSTER_HOME")) or home / "dagster",
        concurrency=_number("PYORG_CONCURRENCY", value("PYORG_CONCURRENCY"), LARGEST_CONCURRENCY),
        auto_refresh=_switch("PYORG_AUTO_REFRESH", value("PYORG_AUTO_REFRESH")),
        automation=Automation(
            on=_switch("PYORG_AUTOMATION", value("PYORG_AUTOMATION")),
            refresh_cron=_cron("PYORG_REFRESH_CRON", value("PYORG_REFRESH_CRON")),
            full_refresh_cron=_cron("PYORG_FULL_REFRESH_CRON", value("PYORG_FULL_REFRESH_CRON")),
            timezone=_timezone("PYORG_TIMEZONE", value("PYORG_TIMEZONE")),
            look_every=_number("PYORG_LOOK_EVERY", value("PYORG_LOOK_EVERY"), 3600),
            keep_runs=_number("PYORG_KEEP_RUNS", value("PYORG_KEEP_RUNS"), 36500),
        ),
        webhook_url=_webhook_url("PYORG_WEBHOOK_URL", value("PYORG_WEBHOOK_URL")),
    )


def _site_url(name: str, url: str) -> str:
    """The URL of a site, ending in a slash."""
    if not _is_http(url) or "?" in url or "#" in url:
        raise SettingsError(name, url, f"it has to be a URL such as {DEFAULTS['PYORG_SITE_URL']}")
    return url.rstrip("/") + "/"


def _webhook_url(name: str, url: str) -> str | None:
    """A webhook's URL, which may have a query, but is never shown whole."""
    if url and not _is_http(url):
        reason = "it has to be a URL such as https://hooks.example/services/secret"
        raise SettingsError(name, origin_text(url), reason)
    return url or None


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return (
        is_address
        and parts.scheme in {"http", "https"}
        and re.search(r"[\s\x00-\x1f]", url) is None
    )


def _catalog_url(name: str, url: str) -> str:
    return url if "://" in url else str(_folder(name, url))


def _default_home() -> Path:
    import platformdirs  # noqa: PLC0415  # needed only if no home was set

    return Path(platformdirs.user_data_dir("pyorg_pipeline", appauthor=False))


def _folder(name: str, text: str) -> Path | None:
    if not text:
        return None
    if "\0" in text:
        raise SettingsError(name, text, "a path cannot contain NUL")
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise SettingsError(name, text, "it exists and is not a folder")
    return path


def _number(name: str, text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= largest):
        raise SettingsError(name, text, f"it has to be a whole number from 1 to {largest}")
    return int(text)


def _cron(name: str, text: str) -> str:
    # Dagster checks the fields themselves.
    if len(text.split()) != 5:
        raise SettingsError(name, text, "it has to be a cron expression such as 17 * * * *")
    return text


def _timezone(name: str, text: str) -> str:
    if text == "UTC":
        return text
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # a query needs no time zones

    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # an unknown name is a KeyError
        raise SettingsError(name, text, "it has to be a time zone such as Europe/Berlin") from None
    return text


def _switch(name: str, text: str) -> bool:
    try:
        return parse_flag(name, text)
    except InvalidArgumentError:
        raise SettingsError(name, text, "it has to be 1 or 0") from None
