"""The job download_artifacts as runs of a real, persistent Dagster instance."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pyorg_pipeline import cli, runs
from pyorg_pipeline.catalog.download_reports import read_report
from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.schemas import DOWNLOAD_REPORT
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.downloads import POOL
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    ArtifactChoiceError,
    CatalogSiteError,
    PyorgError,
)
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.command_line import (
    environment,
    on_a_terminal,
    pyorg,
    without_colours,
)
from pyorg_pipeline_tests.support.downloading import (
    CONTENTS,
    PATHS,
    download,
    download_job,
    halfway,
    job_of_the_environment,
    select,
    site_with_digests,
)
from pyorg_pipeline_tests.support.processes import started
from pyorg_pipeline_tests.support.published import bundle_bytes, sha256_of
from pyorg_pipeline_tests.support.small_site import LONG_AGO

NEWEST = [PATHS[1], PATHS[2], PATHS[4]]
FINAL = PATHS[4]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Path]]:
    """The site, and a home with its catalog, digests included."""
    home = tmp_path_factory.mktemp("filled")
    with site_with_digests() as site:
        done = runs.refresh(
            load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(home)}), digests=True
        )
        assert not done.failures
        assert not done.digest_failures
        yield site, home


@pytest.fixture
def site(filled: tuple[Replica, Path]) -> Iterator[Replica]:
    site, _ = filled
    site.clear_requests()
    yield site
    site.clear_answers()


@pytest.fixture
def settings(filled: tuple[Replica, Path], site: Replica, tmp_path: Path) -> Settings:
    """The settings of a copy of the filled home."""
    home = shutil.copytree(filled[1], tmp_path / "home")
    return load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(home)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "downloads"


def name(path: str) -> str:
    return path.rpartition("/")[2]


def requested(site: Replica) -> list[str]:
    return sorted(request.path for request in site.requests)


def visible(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("[!.]*")}


def contents(paths: list[str]) -> dict[str, bytes]:
    return {name(path): CONTENTS[path] for path in paths}


def report(settings: Settings, run_id: str) -> list[dict[str, Any]]:
    return read_report(CatalogStore(open_location(settings.catalog_url)), run_id)


def outcomes(settings: Settings, run_id: str) -> dict[str, str]:
    return {row["path"]: row["outcome"] for row in report(settings, run_id)}


def recorded(settings: Settings) -> dict[str, Any]:
    """The metadata of the newest materialisation of downloaded_artifacts."""
    with open_instance(settings.dagster_home) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("downloaded_artifacts"))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


def steps(result: dg.ExecuteInProcessResult, kind: dg.DagsterEventType) -> list[str]:
    return [
        str(event.step_key) for event in result.all_events if event.event_type_value == kind.value
    ]


def test_by_default_the_newest_tarball_of_each_series_is_downloaded_and_reported(
    settings: Settings, site: Replica
) -> None:
    result = download(settings)
    folder = settings.home / "downloads"
    assert visible(folder) == contents(NEWEST)
    # The catalog has the digests: no companion is requested.
    assert requested(site) == sorted(NEWEST)
    rows = report(settings, result.run_id)
    assert [row["path"] for row in rows] == NEWEST
    for row in rows:
        assert list(row) == DOWNLOAD_REPORT.names
        assert row.pop("seconds") > 0
        assert row.pop("reported_at") <= datetime.now(UTC)
        assert row == {
            "path": row["path"],
            "outcome": "fetched",
            "destination": str(folder / name(row["path"])),
            "bytes": len(CONTENTS[row["path"]]),
            "last_modified": LONG_AGO,
            "sha256": sha256_of(CONTENTS[row["path"]]),
            "verification": "digest",
            "sources": ["the catalog, from sigstore"],
            "signed_by": None,
            "note": None,
            "error": None,
            "advice": None,
            "transient": False,
            "run_id": result.run_id,
        }
    metadata = recorded(settings)
    assert (metadata["fetched"], metadata["skipped"], metadata["failed"]) == (3, 0, 0)
    assert metadata["dagster/row_count"] == 3
    assert metadata["bytes_fetched"] == sum(len(CONTENTS[path]) for path in NEWEST)
    assert metadata["dagster/uri"] == f"{settings.catalog_url}/downloads/{result.run_id}.parquet"
    assert Path(metadata["dagster/uri"]).is_file()
    lines = metadata["preview"].splitlines()
    assert lines[0] == "| path | bytes | seconds | verification | outcome | error |"
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {path}" for path in NEWEST]
    # A publication materializes the asset, too, which then shows the newest report again.
    asset_job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    with open_instance(settings.dagster_home) as instance:
        asset = [dg.AssetKey("downloaded_artifacts")]
        assert asset_job.execute_in_process(instance=instance, asset_selection=asset).success
    assert recorded(settings) == metadata


def test_every_field_in_the_launchpad_has_a_description_and_a_default(settings: Settings) -> None:
    op = download_job(settings).get_node_named("select_artifacts").definition
    fields = op.config_schema.config_type.fields  # type: ignore[union-attr]
    assert list(fields) == [
        *("paths", "series", "versions", "releaselevels", "artifact_types", "attributes"),
        *("newest_only", "limit", "companions", "destination", "verify", "overwrite"),
        *("batch_size", "retries", "retry_delay"),
    ]
    for field in fields.values():
        assert field.description
        assert not field.is_required


def test_existing_files_are_skipped_without_a_request(
    settings: Settings, site: Replica, folder: Path
) -> None:
    config = {"destination": str(folder), "releaselevels": [], "newest_only": False}
    result = download(settings, **config, batch_size=2)
    assert steps(result, dg.DagsterEventType.STEP_START) == [
        "select_artifacts",
        *(f"download_batch[00{n}]" for n in (1, 2, 3)),
    ]
    assert outcomes(settings, result.run_id) == dict.fromkeys(PATHS[:5], "fetched")
    # Reported by version.
    assert list(outcomes(settings, result.run_id)) == PATHS[:5]
    assert visible(folder) == contents(PATHS[:5])
    site.clear_requests()
    result = download(settings, **config)
    assert result.success
    assert site.requests == []
    assert outcomes(settings, result.run_id) == dict.fromkeys(PATHS[:5], "skipped")
    # YAML makes a flag of what is not in quotes.
    result = download(settings, destination=str(folder), overwrite=True, verify=False)
    assert requested(site) == sorted(NEWEST)
    assert {row["verification"] for row in report(settings, result.run_id)} == {"size"}


def test_a_failed_artifact_fails_the_run_and_a_reexecution_downloads_it(
    settings: Settings, site: Replica, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_HOME", str(settings.home))
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    site.answer(FINAL, Answer(status=403))
    failed = download(settings, destination=str(folder))
    assert not failed.success
    assert visible(folder) == contents(NEWEST[:2])
    *others, row = report(settings, failed.run_id)
    assert [other["outcome"] for other in others] == ["fetched"] * 2
    assert (row["path"], row["outcome"], row["destination"]) == (FINAL, "failed", None)
    assert "403" in row["error"]
    assert recorded(settings)["failed"] == 1
    # Neither the client nor Dagster retries it: it would be refused again.
    assert requested(site).count(FINAL) == 1
    assert steps(failed, dg.DagsterEventType.STEP_UP_FOR_RETRY) == []
    assert steps(failed, dg.DagsterEventType.STEP_FAILURE) == ["download_batch[001]"]
    site.clear_answers()
    site.clear_requests()
    # A file that was removed since is missing, too.
    (folder / name(NEWEST[0])).unlink()
    with open_instance(settings.dagster_home) as instance:
        options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
        job = dg.reconstructable(job_of_the_environment)
        again = dg.execute_job(job, instance, reexecution_options=options)
        assert again.success
    assert requested(site) == sorted([NEWEST[0], FINAL])
    assert visible(folder) == contents(NEWEST)
    found = outcomes(settings, again.run_id)
    assert found == dict(zip(NEWEST, ("fetched", "skipped", "fetched"), strict=True))


@pytest.mark.parametrize("overwrite", [False, True])
def test_dagster_retries_a_transient_failure_without_the_rest_of_the_batch(
    settings: Settings, site: Replica, folder: Path, overwrite: bool
) -> None:
    site.answer(FINAL, Answer(status=503))
    config = {"destination": str(folder), "overwrite": overwrite}
    result = download(settings, **config, retries=1)
    assert not result.success
    assert requested(site) == sorted([*NEWEST, FINAL])
    assert outcomes(settings, result.run_id)[FINAL] == "failed"
    assert visible(folder) == contents(NEWEST[:2])
    site.clear_requests()
    site.answer(FINAL, Answer(status=503), times=2)
    (folder / name(NEWEST[0])).unlink()
    (folder / name(NEWEST[1])).unlink()
    result = download(settings, **config)
    assert result.success
    assert steps(result, dg.DagsterEventType.STEP_UP_FOR_RETRY) == ["download_batch[001]"] * 2
    assert requested(site) == sorted([*NEWEST, FINAL, FINAL])
    assert set(outcomes(settings, result.run_id).values()) == {"fetched"}
    assert visible(folder) == contents(NEWEST)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"verify": "somehow"}, "true, false, digest, signature"),
        ({"series": ["3"]}, "not of the form '3.13'"),
        ({"destination": "nowhere://at/all"}, "cannot be opened"),
    ],
)
def test_an_invalid_config_fails_before_any_request(
    settings: Settings, site: Replica, config: dict[str, Any], words: str
) -> None:
    result = download(settings, **config)
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "select_artifacts"
    assert words in str(failure.step_failure_data.error)
    assert site.requests == []


def test_a_catalog_of_another_site_is_refused(settings: Settings) -> None:
    with Replica([]) as other:
        elsewhere = load_settings({"PYORG_SITE_URL": other.url, "PYORG_HOME": str(settings.home)})
        with open_instance(settings.dagster_home) as instance, pytest.raises(CatalogSiteError):
            download_job(elsewhere).execute_in_process(run_config=select(), instance=instance)
        assert other.requests == []


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_an_ended_run_leaves_no_half_file_and_the_next_one_resumes(
    settings: Settings, site: Replica, folder: Path, number: signal.Signals
) -> None:
    """SIGINT is Ctrl-C in `pyorg download`; the others end a run that Dagster launched."""
    go_on = threading.Event()
    site.answer(FINAL, halfway(go_on))
    # JSON is YAML, too.
    config = settings.home / "run.yaml"
    config.write_text(json.dumps(select(destination=str(folder))))
    program = ["dagster", "job", "execute", "-m", "pyorg_pipeline.definitions"]
    program += ["-j", "download_artifacts", "-c", str(config)]
    if number == signal.SIGINT:
        arguments = ["--type", "source-release", "--format", "tarball_lzma"]
        program = ["pyorg_pipeline.cli", "download", *arguments, "--destination", str(folder)]
    home = str(settings.dagster_home)
    with started(
        [sys.executable, "-m", *program],
        env=environment(settings.home, PYORG_SITE_URL=settings.site_url, DAGSTER_HOME=home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        part = folder / f".{name(FINAL)}.part"
        while not (part.exists() and len(visible(folder)) == 2):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        if number != signal.SIGKILL:
            go_on.set()
        printed, _ = process.communicate()
    go_on.set()
    assert process.returncode != 0, printed
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "Traceback" not in printed
    assert visible(folder) == contents(NEWEST[:2])
    if number == signal.SIGTERM:
        with open_instance(settings.dagster_home) as instance:
            [run] = instance.get_runs(dg.RunsFilter(job_name="download_artifacts"))
            assert run.is_finished
            assert instance.event_log_storage.get_concurrency_info(POOL).claimed_slots == []
    site.clear_answers()
    site.clear_requests()
    assert download(settings, destination=str(folder)).success
    assert requested(site) == [FINAL]
    assert visible(folder) == contents(NEWEST)


def test_pyorg_download_reports_a_failure_in_one_line_and_exits_with_1(
    settings: Settings, site: Replica, folder: Path
) -> None:
    # The first batch fails, and the second one is downloaded all the same.
    site.answer(NEWEST[1], Answer(status=404))
    arguments = ["--series", "3.5,3.6", "--destination", str(folder), "--batch-size", "1"]
    done = pyorg(settings.home, "--json", "download", *arguments, PYORG_SITE_URL=settings.site_url)
    assert done.returncode == 1
    printed = json.loads(done.stdout)
    assert [(row["path"], row["outcome"]) for row in printed["outcomes"]] == [
        (NEWEST[1], "failed"),
        (FINAL, "fetched"),
    ]
    [line] = [line for line in done.stderr.splitlines() if line.startswith("pyorg: ")]
    assert line == "pyorg: 1 of 2 artifacts failed to download"
    [failed] = [line for line in done.stderr.splitlines() if line.startswith("failed ")]
    assert f" {NEWEST[1]}: " in failed
    assert failed.endswith("not found (404): the site has no such file; refresh the catalog")
    assert visible(folder) == contents([FINAL])
    with open_instance(settings.dagster_home) as instance:
        [run] = instance.get_runs(dg.RunsFilter(job_name="download_artifacts"))
    # Without this tag, a start of the UI would fail the run while it is in progress.
    assert run.tags["pyorg/command"] == "download"
    if os.name == "posix":
        # A terminal shows a table, and each reason and each file once.
        command = ["download", *arguments, "--verify", "size"]
        shown = on_a_terminal(settings.home, 200, *command, PYORG_SITE_URL=settings.site_url)
        table = without_colours(shown).partition("Outcome ")[2].splitlines()
        assert [line.split()[0] for line in table[2:4]] == ["failed", "skipped"]
        assert table[3].rstrip().endswith(str(folder / name(FINAL)))
        assert table[5] == "2 artifacts: 1 failed, 1 skipped"
        assert [one for one in table if "(404)" in one] == [failed.split(maxsplit=4)[-1]]
        assert table[-1] == line


def test_a_quiet_download_prints_only_paths_and_failures_a_line_each(
    settings: Settings, site: Replica, folder: Path
) -> None:
    site.answer(NEWEST[1], Answer(body=CONTENTS[NEWEST[1]][::-1]))
    arguments = ["-q", "download", "--series", "3.5,3.6", "--destination", str(folder)]
    done = pyorg(settings.home, *arguments, PYORG_SITE_URL=settings.site_url)
    assert (done.returncode, done.stdout) == (1, f"{folder / name(FINAL)}\n")
    failed, summary = done.stderr.splitlines()
    assert failed.startswith(f"pyorg: {NEWEST[1]}: SHA-256 should be ")
    assert summary == (
        "pyorg: 1 of 2 artifacts failed to download. Refresh the catalog, then download the file "
        "again; if it still differs, do not use it"
    )


def test_an_existing_file_of_another_size_is_a_failure_that_names_the_option(
    settings: Settings,
    site: Replica,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYORG_HOME", str(settings.home))
    folder.mkdir(exist_ok=True)
    (folder / name(FINAL)).write_bytes(b"x\n")
    command = ["download", FINAL, "--destination", str(folder), "--verify", "size"]
    assert cli.main(command) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    _, failed, summary = printed.err.splitlines()
    listed = f"{len(CONTENTS[FINAL]):,} bytes (the listing in the catalog)"
    existing = f"but is 2 bytes (the existing {folder / name(FINAL)})"
    assert failed.startswith("failed ")
    assert failed.endswith(f" {FINAL}: size should be {listed}, {existing}")
    assert summary.endswith("It was not replaced. Do not use it: --overwrite downloads it again")
    assert visible(folder) == {name(FINAL): b"x\n"}
    assert requested(site) == []
    assert cli.main([*command, "--overwrite"]) == 0
    assert visible(folder) == contents([FINAL])


def test_paths_are_downloaded_whatever_the_criteria_are(settings: Settings, folder: Path) -> None:
    done = runs.download(settings, PATHS[:1], destination=str(folder), series=["9.9"])
    assert [row["path"] for row in done.outcomes] == PATHS[:1]
    with pytest.raises(ArtifactChoiceError, match=r"has no artifact '3\.6/nothing'"):
        runs.download(settings, [PATHS[0], "3.6/nothing"], destination=str(folder))


def test_companions_are_downloaded_beside_their_artifacts(
    settings: Settings, site: Replica, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, other = "3.6.0/Python-3.6.0.tgz", "3.4.0/Python-3.4.0.tar.xz.sigstore"
    result = download(settings, paths=[wanted, other], companions=True, destination=str(folder))
    assert result.success
    bundle = bundle_bytes(sha256_of(CONTENTS[wanted]))
    assert (folder / "Python-3.6.0.tgz.sigstore").read_bytes() == bundle
    rows = {row["path"]: row for row in report(settings, result.run_id)}
    assert list(rows) == [wanted, f"{wanted}.sigstore", other]
    found = rows[f"{wanted}.sigstore"]
    assert (found["verification"], found["note"], found["bytes"]) == ("size", None, len(bundle))
    for name in ("PYORG_HOME", "PYORG_SITE_URL"):
        monkeypatch.setenv(name, {"PYORG_HOME": str(settings.home)}.get(name, site.url))
    destination = folder / "by command"
    arguments = ["download", wanted, "--companions", "--destination", str(destination)]
    assert cli.main([*arguments, "--dry-run"]) == 0
    assert not destination.exists()
    assert cli.main(arguments) == 0
    assert visible(destination) == {
        "Python-3.6.0.tgz": CONTENTS[wanted],
        "Python-3.6.0.tgz.sigstore": bundle,
    }


def test_pyorg_download_says_why_a_run_failed_without_a_report(
    settings: Settings, folder: Path
) -> None:
    (settings.home / "catalog" / "downloads").write_text("not a folder")
    with pytest.raises(PyorgError, match=r"failed: .*CatalogUnreadableError: .*Not a directory"):
        runs.download(settings, NEWEST, destination=str(folder))


def test_a_folder_is_relative_to_the_current_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = runs.download(settings, [FINAL], destination="here")
    assert str(done) == str(tmp_path / "here" / name(FINAL))


def test_pyorg_download_reads_the_catalogs_own_site_and_refuses_another(
    settings: Settings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PYORG_HOME", str(settings.home))
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    monkeypatch.delenv("PYORG_SITE_URL", raising=False)
    command = ["download", "3.6", "--destination"]
    told = f"was filled from {settings.site_url}, and PYORG_SITE_URL is not set: downloads come"
    for arguments in ([*command, str(folder)], ["info"]):
        assert cli.main(arguments) == 0
        [warning] = [one for one in caplog.messages if "was filled from" in one]
        assert told in warning
        caplog.clear()
    assert visible(folder) == contents([FINAL])
    monkeypatch.setenv("PYORG_SITE_URL", "http://127.0.0.1:9/")
    capsys.readouterr()
    for destination, message in (
        (str(folder), "was filled from"),
        ("memory://x", "its files are lost when the command ends; name a folder"),
        ("http://127.0.0.1:9/x", "web servers neither store nor list files; name a folder"),
    ):
        assert cli.main([*command, destination]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert message in line
        assert not any("was filled from" in one for one in caplog.messages)
        monkeypatch.setenv("PYORG_SITE_URL", settings.site_url)


def test_a_missing_catalog_is_filled_first(
    site: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    monkeypatch.setenv("PYORG_HOME", str(tmp_path / "new"))
    command = ["download", "3.5", "3.6", "--destination", str(tmp_path / "here")]
    assert cli.main(command) == 0
    assert visible(tmp_path / "here") == contents(NEWEST[1:])
    monkeypatch.setenv("PYORG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    assert cli.main(command) == 1
