"""The settings from the environment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pyorg_pipeline.errors import SettingsError
from pyorg_pipeline.settings import Settings, derived_settings, load_settings


def test_everything_has_a_default() -> None:
    settings = load_settings({})
    home = settings.home
    assert home.name == "pyorg_pipeline"
    assert settings == Settings(
        site_url="https://www.python.org/ftp/python/",
        site_is_given=False,
        home=home,
        catalog_url=str(home / "catalog"),
        dagster_home=home / "dagster",
        concurrency=8,
        auto_refresh=True,
        max_age=timedelta(days=1),
        automation=True,
        refresh_cron="17 * * * *",
        full_refresh_cron="41 4 * * 0",
        timezone="UTC",
        look_every=30,
        keep_runs=30,
    )
    assert load_settings({"PYORG_HOME": str(home), "PYORG_SITE_URL": " "}) == settings


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "PYORG_SITE_URL": "http://127.0.0.1:8000/mirror",
            "PYORG_HOME": str(tmp_path / "home"),
            "PYORG_CATALOG_URL": "s3://bucket/prefix",
            "DAGSTER_HOME": str(tmp_path / "dagster"),
            "PYORG_CONCURRENCY": "32",
            "PYORG_AUTO_REFRESH": "no",
            "PYORG_MAX_AGE": "0",
            "PYORG_AUTOMATION": "off",
            "PYORG_REFRESH_CRON": "0 6 * * 1-5",
            "PYORG_FULL_REFRESH_CRON": "0 3 1 * *",
            "PYORG_TIMEZONE": "Europe/Berlin",
            "PYORG_LOOK_EVERY": "5",
            "PYORG_KEEP_RUNS": "365",
            "PYORG_WEBHOOK_URL": "https://user:pass@hooks.example/services/secret?key=secret",
        }
    )
    assert settings == Settings(
        site_url="http://127.0.0.1:8000/mirror/",
        site_is_given=True,
        home=tmp_path / "home",
        catalog_url="s3://bucket/prefix",
        dagster_home=tmp_path / "dagster",
        concurrency=32,
        auto_refresh=False,
        max_age=None,
        automation=False,
        refresh_cron="0 6 * * 1-5",
        full_refresh_cron="0 3 1 * *",
        timezone="Europe/Berlin",
        look_every=5,
        keep_runs=365,
        webhook_url="https://user:pass@hooks.example/services/secret?key=secret",
    )
    assert "secret" not in repr(settings)


def test_settings_are_checked_again_only_when_the_environment_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    first = load_settings()
    assert load_settings() is first
    monkeypatch.setenv("PYORG_CONCURRENCY", "3")
    assert load_settings() == replace(first, concurrency=3)
    monkeypatch.setenv("PYORG_CONCURRENCY", "many")
    with pytest.raises(SettingsError):
        load_settings()
    monkeypatch.delenv("PYORG_CONCURRENCY")
    assert load_settings() == first


def test_relative_folders_are_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"PYORG_HOME": "pyorg-demo", "PYORG_CATALOG_URL": "elsewhere"})
    assert settings.home == tmp_path / "pyorg-demo"
    assert settings.catalog_url == str(tmp_path / "elsewhere")


INVALID_URLS = [
    *("www.python.org/ftp/python", "ftp://www.python.org/", "http://", "http://host:port/"),
    *("http://host/?a=b", "http://[::1/"),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("PYORG_SITE_URL", url) for url in INVALID_URLS),
        *((name, __file__) for name in ("PYORG_HOME", "PYORG_CATALOG_URL", "DAGSTER_HOME")),
        *(("PYORG_CONCURRENCY", number) for number in ("0", "33", "many")),
        *(("PYORG_REFRESH_CRON", "hourly"), ("PYORG_FULL_REFRESH_CRON", "* * * *")),
        *(("PYORG_TIMEZONE", "Berlin"), ("PYORG_TIMEZONE", "../etc/passwd")),
        *(("PYORG_LOOK_EVERY", "0"), ("PYORG_KEEP_RUNS", "never")),
        ("PYORG_AUTO_REFRESH", "perhaps"),
        ("PYORG_MAX_AGE", "1 day"),
    ],
)
def test_the_error_of_an_invalid_value_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({name: value})
    assert str(raised.value).startswith(f"{name}={value!r} cannot be used: ")
    assert "\n" not in str(raised.value)


def test_another_site_has_a_home_of_its_own(tmp_path: Path) -> None:
    settings = load_settings({"PYORG_HOME": str(tmp_path)})
    mirror = derived_settings(settings, "https://user:secret@mirror.example/python", None)
    assert mirror.site_url == "https://user:secret@mirror.example/python/"
    assert mirror.home == tmp_path / "sites" / "https-mirror.example-python"
    assert mirror.catalog_url == str(mirror.home / "catalog")
    assert mirror.dagster_home == mirror.home / "dagster"
    same = derived_settings(settings, "https://www.python.org/ftp/python", None)
    assert same == replace(settings, site_is_given=True)
    assert not settings.site_is_given


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("hooks.example/services/secret", "***"),
        ("ftp://hooks.example/secret", "***"),
        ("http:///secret", "***"),
        ("http://[secret", "***"),
        ("http://[::1]:0/secret", "http://[::1]:0"),
        ("http://hooks.example:secret/", "***"),
        ("https://user:secret@Hooks.example/se cret", "https://hooks.example"),
        ("https://hooks.example:0/secret", "https://hooks.example:0"),
    ],
)
def test_the_error_of_an_invalid_webhook_hides_its_secret(value: str, shown: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({"PYORG_WEBHOOK_URL": value})
    assert str(raised.value) == (
        f"PYORG_WEBHOOK_URL={shown!r} cannot be used: "
        "it has to be a URL such as https://hooks.example/services/secret"
    )
