"""Which site, where the catalog and Dagster's home lie: the settings from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pyorg_pipeline.errors import InvalidArgumentError, SettingsError
from pyorg_pipeline.model.flags import parse_flag
from pyorg_pipeline.model.limits import DEFAULT_CONCURRENCY, LARGEST_CONCURRENCY
from pyorg_pipeline.model.urls import origin_text

DEFAULT_SITE_URL: Final = "https://www.python.org/ftp/python/"


@dataclass(frozen=True, slots=True)
class Automation:
    """What happens by itself while Dagster's daemon runs, and when."""

    #: Whether schedules and sensors are on until somebody switches them off in the UI; else they
    #: are off until somebody switches them on.
    on: bool
    #: When the root listing is read.
    refresh_cron: str
    #: When every directory is crawled.
    full_refresh_cron: str
    #: Which clock both go by.
    timezone: str
    #: Seconds between two looks at what is due.
    look_every: int
    #: Days after which runs that began by themselves are forgotten.
    keep_runs: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a user can set from outside, checked."""

    #: Ends in a slash.
    site_url: str
    #: Whether it was named by somebody, rather than the default.
    site_is_given: bool
    #: Where the catalog, Dagster's home and the locks lie unless they are set apart.
    home: Path
    #: A path, or a URL that fsspec can serve.
    catalog_url: str
    dagster_home: Path
    #: Directories read at the same time.
    concurrency: int
    #: Whether a query without a catalog fills it first.
    auto_refresh: bool
    automation: Automation
    #: Who is told of failed runs and new releases; None where nobody is. Its path is a secret.
    webhook_url: str | None = field(default=None, repr=False)

    @property
    def lock_folder(self) -> Path:
        """Where locks lie that cannot lie in the catalog itself."""
        return self.home / "locks"

    def for_catalog(self, catalog_url: str) -> Settings:
        """The same settings for a catalog elsewhere.

        Raises:
            SettingsError: a path that is there, but no folder.
        """
        return replace(self, catalog_url=_checked_catalog_url("CATALOG_URL", catalog_url))

    def for_site(self, site_url: str) -> Settings:
        """The same settings for another site, with a home of its own below this one.

        Two sites in one catalog would be mixed up, so a subclass of the facade with a BASE_URL
        of its own gets a catalog of its own.

        Raises:
            SettingsError: no http or https URL.
        """
        url = checked_site_url("BASE_URL", site_url)
        if url == self.site_url:
            return replace(self, site_is_given=True)
        home = self.home / "sites" / re.sub(r"[^A-Za-z0-9.]+", "-", url).strip("-")
        return replace(
            self,
            site_url=url,
            site_is_given=True,
            home=home,
            catalog_url=str(home / "catalog"),
            dagster_home=home / "dagster",
        )


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a process.

    PYORG_SITE_URL      https://www.python.org/ftp/python/
    PYORG_HOME          the user's data folder, as platformdirs knows it
    PYORG_CATALOG_URL   $PYORG_HOME/catalog
    DAGSTER_HOME        $PYORG_HOME/dagster
    PYORG_CONCURRENCY   8; from 1 to 32
    PYORG_AUTO_REFRESH  1; 0 makes a missing catalog an error
    PYORG_WEBHOOK_URL   none; events are posted there

    And, for what happens by itself:

    PYORG_AUTOMATION         1; 0 leaves schedules and sensors off
    PYORG_REFRESH_CRON       17 * * * *
    PYORG_FULL_REFRESH_CRON  41 4 * * 0
    PYORG_TIMEZONE           UTC
    PYORG_LOOK_EVERY         30; seconds, from 1 to 3600
    PYORG_KEEP_RUNS          30; days, from 1 to 36500

    Raises:
        SettingsError: a value that cannot be used; names the variable.
    """
    given = os.environ if environment is None else environment

    def value(name: str) -> str:
        return given.get(name, "").strip()

    home = _folder("PYORG_HOME", value("PYORG_HOME")) or _default_home()
    return Settings(
        site_url=checked_site_url("PYORG_SITE_URL", value("PYORG_SITE_URL") or DEFAULT_SITE_URL),
        site_is_given=bool(value("PYORG_SITE_URL")),
        home=home,
        catalog_url=_checked_catalog_url(
            "PYORG_CATALOG_URL", value("PYORG_CATALOG_URL") or str(home / "catalog")
        ),
        dagster_home=_folder("DAGSTER_HOME", value("DAGSTER_HOME")) or home / "dagster",
        concurrency=_number(
            "PYORG_CONCURRENCY",
            value("PYORG_CONCURRENCY"),
            default=DEFAULT_CONCURRENCY,
            largest=LARGEST_CONCURRENCY,
        ),
        auto_refresh=_switch("PYORG_AUTO_REFRESH", value("PYORG_AUTO_REFRESH"), default=True),
        automation=Automation(
            on=_switch("PYORG_AUTOMATION", value("PYORG_AUTOMATION"), default=True),
            # Not on the hour, when everybody asks.
            refresh_cron=_cron("PYORG_REFRESH_CRON", value("PYORG_REFRESH_CRON") or "17 * * * *"),
            full_refresh_cron=_cron(
                "PYORG_FULL_REFRESH_CRON", value("PYORG_FULL_REFRESH_CRON") or "41 4 * * 0"
            ),
            timezone=_timezone("PYORG_TIMEZONE", value("PYORG_TIMEZONE") or "UTC"),
            look_every=_number(
                "PYORG_LOOK_EVERY", value("PYORG_LOOK_EVERY"), default=30, largest=3600
            ),
            keep_runs=_number(
                "PYORG_KEEP_RUNS", value("PYORG_KEEP_RUNS"), default=30, largest=36500
            ),
        ),
        webhook_url=_webhook_url("PYORG_WEBHOOK_URL", value("PYORG_WEBHOOK_URL")),
    )


def checked_site_url(name: str, url: str) -> str:
    """The URL of a site, ending in a slash.

    Raises:
        SettingsError: no http or https URL with a host.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise SettingsError(name, url, str(error)) from None
    if not usable or parts.query or parts.fragment or re.search(r"[\s\x00-\x1f]", url):
        raise SettingsError(name, url, f"it has to be a URL such as {DEFAULT_SITE_URL}")
    return url.rstrip("/") + "/"


def _webhook_url(name: str, url: str) -> str | None:
    """A webhook's URL, which may have a query, but is never shown whole."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f]", url):
        reason = "it has to be a URL such as https://hooks.example/services/secret"
        # Without the cause, which shows a part of the URL.
        raise SettingsError(name, origin_text(url), reason) from None
    return url


def _checked_catalog_url(name: str, url: str) -> str:
    return url if "://" in url else str(_folder(name, url))


def _default_home() -> Path:
    import platformdirs  # noqa: PLC0415  # only where no home was set

    return Path(platformdirs.user_data_dir("pyorg_pipeline", appauthor=False))


def _folder(name: str, text: str) -> Path | None:
    if not text:
        return None
    if "\0" in text:
        raise SettingsError(name, text, "a path has no NUL")
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise SettingsError(name, text, "it is there, but no folder")
    return path


def _number(name: str, text: str, *, default: int, largest: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= largest):
        raise SettingsError(name, text, f"it has to be a whole number from 1 to {largest}")
    return int(text)


def _cron(name: str, text: str) -> str:
    """Five fields; whether they mean something, Dagster knows."""
    if len(text.split()) != 5:
        raise SettingsError(name, text, "it has to be a cron expression such as 17 * * * *")
    return text


def _timezone(name: str, text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # a name that is not there is a KeyError
        raise SettingsError(name, text, "it has to be a time zone such as Europe/Berlin") from None
    return text


def _switch(name: str, text: str, *, default: bool) -> bool:
    if not text:
        return default
    try:
        return parse_flag(name, text)
    except InvalidArgumentError:
        raise SettingsError(name, text, "it has to be 1 or 0") from None
