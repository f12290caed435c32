"""The asset artifact_digests, and refreshes that bring it up to date."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pyorg_pipeline import PythonOrgDownloads, cli
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import DigestsFailedError, VerificationError
from pyorg_pipeline.model.digests import can_verify
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.published import bundle_bytes, sbom_bytes, sha256_of
from pyorg_pipeline_tests.support.shared_data import real_bundles, real_digests, real_signers
from pyorg_pipeline_tests.support.small_site import LONG_AGO, small_site

DIGESTS = dg.AssetKey("artifact_digests")
#: Of a series without a known signer: the bundles of these tests do not verify.
SIGNED = "2.7/Python-2.7.tgz"
BILLED = "3.13.9/Python-3.13.9.tgz"
BUNDLE, BILL = f"{SIGNED}.sigstore", f"{BILLED}.spdx.json"
ONE, TWO, THREE = (sha256_of(text) for text in (b"one", b"two", b"three"))
LATER = LONG_AGO + timedelta(days=3)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Path]]:
    """A site with a bundle and a bill of materials, and a home with its catalog, no digests yet."""
    home = tmp_path_factory.mktemp("filled")
    with Replica(small_site()) as site:
        site.add(BUNDLE, content=bundle_bytes(ONE), last_modified=LONG_AGO)
        bill = sbom_bytes(TWO, BILLED.rpartition("/")[2])
        site.add(BILL, content=bill, last_modified=LONG_AGO)
        refresh(load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(home)}))
        yield site, home


@pytest.fixture
def site(filled: tuple[Replica, Path]) -> Iterator[Replica]:
    site, _ = filled
    site.clear_requests()
    yield site
    site.clear_answers()
    change_bundle(site, ONE, LONG_AGO)


@pytest.fixture
def settings(filled: tuple[Replica, Path], site: Replica, tmp_path: Path) -> Settings:
    home = shutil.copytree(filled[1], tmp_path / "home")
    return load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(home)})


def change_bundle(site: Replica, sha256: str, date: datetime) -> None:
    site.replace(BUNDLE, content=bundle_bytes(sha256), last_modified=date)


def requested(site: Replica) -> list[str]:
    return sorted(request.path for request in site.requests)


def metadata(settings: Settings) -> dict[str, Any]:
    """What the asset's page shows."""
    with open_instance(settings.dagster_home) as instance:
        event = instance.get_latest_materialization_event(DIGESTS)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def catalog(settings: Settings) -> dict[str, tuple[Any, Any, Any]]:
    """The digests in artifact_catalog, by path."""
    rows = CatalogStore(LocalLocation(Path(settings.catalog_url))).rows(CATALOG_FILE)
    return {
        row["path"]: (row["sha256"], row["digest_source"], row["signed_by"])
        for row in rows
        if row["sha256"] is not None
    }


def test_digests_are_read_on_request_and_put_into_the_catalog(
    settings: Settings, site: Replica
) -> None:
    refresh(settings, full=True)
    assert not {BUNDLE, BILL}.intersection(requested(site))
    assert catalog(settings) == {}
    assert (metadata(settings)["digests"], metadata(settings)["preview"]) == (0, "no rows")
    site.clear_requests()
    done = refresh(settings, digests=True)
    assert requested(site) == sorted(["", BUNDLE, BILL])
    assert (done.digest_failures, done.requests) == ({}, 3)
    assert catalog(settings) == {SIGNED: (ONE, "sigstore", None), BILLED: (TWO, "spdx", None)}
    shown = metadata(settings)
    assert (shown["dagster/row_count"], shown["digests"]) == (2, 2)
    assert (shown["signatures_verified"], shown["missing"], shown["unconfirmed"]) == (0, 0, 0)
    assert f"| {SIGNED} | .sigstore | ok | {ONE} | sigstore |  |" in shown["preview"]


def test_a_companion_that_fails_fails_the_run_after_the_others(
    settings: Settings, site: Replica
) -> None:
    site.answer(BUNDLE, Answer(status=403))
    done = refresh(settings, digests=True)
    assert list(done.digest_failures) == ["2.7"]
    assert isinstance(done.error, DigestsFailedError)
    assert "403" in str(done.error)
    assert any(line.startswith("  failed ") and "403" in line for line in str(done).splitlines())
    with open_instance(settings.dagster_home) as instance:
        [run] = instance.get_runs(dg.RunsFilter(job_name="record_digests"))
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert metadata(settings)["digests"] == 1
    assert catalog(settings) == {BILLED: (TWO, "spdx", None)}
    site.clear_answers()
    site.clear_requests()
    assert refresh(settings, digests=True).error is None
    assert requested(site) == ["", BUNDLE]
    assert metadata(settings)["digests"] == 2


def test_missing_and_unreadable_companions_are_recorded_and_not_requested_again(
    settings: Settings, site: Replica
) -> None:
    site.answer(BILL, Answer(status=404))
    site.replace(BUNDLE, content=b"no bundle", last_modified=LATER)
    done = refresh(settings, digests=True)
    assert (done.error, done.digests_unreadable) == (None, [SIGNED])
    assert f"  unreadable   files about 1: {SIGNED}" in str(done).splitlines()
    assert catalog(settings) == {}
    shown = metadata(settings)
    assert (shown["digests"], shown["missing"]) == (0, 1)
    assert (shown["unreadable"], shown["unreadable_files"]) == (1, SIGNED)
    with open_instance(settings.dagster_home) as instance:
        [run] = instance.get_runs(dg.RunsFilter(job_name="record_digests"), limit=1)
        logs = [log for log in instance.all_logs(run.run_id) if log.level in {30, 40}]
    expected = f"1 unreadable file about artifacts: {SIGNED}"
    assert [log.message for log in logs] == [expected]
    site.clear_requests()
    assert str(refresh(settings, digests=True)).startswith("Nothing new: ")
    assert requested(site) == [""]


def test_a_changed_digest_is_an_error_in_the_log_until_it_is_confirmed(
    settings: Settings, site: Replica
) -> None:
    refresh(settings, digests=True)
    change_bundle(site, THREE, LATER)
    done = refresh(settings, digests=True)
    [conflict] = done.digests_unconfirmed
    for part in (SIGNED, ONE, THREE, "is not replaced"):
        assert part in conflict
    assert f"  unconfirmed  {conflict}" in str(done).splitlines()
    assert catalog(settings)[SIGNED] == (ONE, "sigstore", None)
    shown = metadata(settings)
    assert (shown["unconfirmed"], shown["unconfirmed_files"]) == (1, SIGNED)
    job = build_definitions(settings).resolve_job_def("record_digests")
    config = {"ops": {"read_digests": {"config": {"directories": ["2.7"], "confirm": [SIGNED]}}}}
    with open_instance(settings.dagster_home) as instance:
        [run] = instance.get_runs(dg.RunsFilter(job_name="record_digests"), limit=1)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        errors = [log.message for log in instance.all_logs(run.run_id) if log.level == 40]
        assert errors == [conflict]
        assert job.execute_in_process(run_config=config, instance=instance).success
    refresh(settings)
    assert catalog(settings)[SIGNED] == (THREE, "sigstore", None)


def test_the_job_reads_what_is_due_and_the_asset_alone_requests_nothing(
    settings: Settings, site: Replica
) -> None:
    job = build_definitions(settings).resolve_job_def("record_digests")
    asset_job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    with open_instance(settings.dagster_home) as instance:
        assert job.execute_in_process(instance=instance).success
        assert requested(site) == sorted([BUNDLE, BILL])
        assert metadata(settings)["companions_read"] == 2
        assert asset_job.execute_in_process(instance=instance, asset_selection=[DIGESTS]).success
    assert requested(site) == sorted([BUNDLE, BILL])
    assert metadata(settings)["digests"] == 2


RESPUN = "3.4.0/Python-3.4.0.tar.xz"


def test_a_replaced_file_is_downloaded_once_a_person_has_confirmed_its_new_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "files"
    old, new = b"the first build", b"the build that replaced it"

    def publish(site: Replica, content: bytes, date: datetime) -> None:
        site.replace(RESPUN, content=content, last_modified=date)
        bundle = bundle_bytes(sha256_of(content))
        site.replace(f"{RESPUN}.sigstore", content=bundle, last_modified=date)
        site.touch("3.4.0/", date)

    def download(verify: bool = True) -> bytes:
        return PythonOrgDownloads.download_artifact(
            RESPUN, destination_dir=folder, overwrite=True, verify=verify
        ).read_bytes()

    with Replica([]) as site:
        site.add(RESPUN)
        site.add(f"{RESPUN}.sigstore")
        publish(site, old, LONG_AGO)
        monkeypatch.setenv("PYORG_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("PYORG_SITE_URL", site.url)
        settings = load_settings()
        refresh(settings, digests=True)
        assert download() == old
        publish(site, new, LATER)
        done = refresh(settings)
        assert "replaced_files_are_confirmed" in done.failed_checks
        with pytest.raises(VerificationError) as caught:
            download()
        error = str(caught.value)
        assert f"should be {sha256_of(old)} (the catalog, of the file before)" in error
        assert f"but is {sha256_of(new)} (the site's Python-3.4.0.tar.xz.sigstore)" in error
        assert f"`pyorg confirm {RESPUN}`" in error
        assert (folder / "Python-3.4.0.tar.xz").read_bytes() == old
        assert download(verify=False) == new
        [change] = PythonOrgDownloads.list_changes()
        assert (change.path, change.sha256_before) == (RESPUN, sha256_of(old))
        capsys.readouterr()
        assert cli.main(["confirm", RESPUN]) == 0
        assert capsys.readouterr() == (f"{sha256_of(new)}  {RESPUN}\n", "")
        assert download() == new
        assert cli.main(["confirm", RESPUN]) == 1
        assert f"{RESPUN} has nothing to confirm" in capsys.readouterr().err
        assert catalog(settings)[RESPUN] == (sha256_of(new), "sigstore", None)


@pytest.mark.skipif(not can_verify(), reason="the extra `sigstore` is not installed")
def test_signatures_that_verify_are_counted_and_name_their_signer(tmp_path: Path) -> None:
    bundles, digests = real_bundles(), real_digests()
    path = max(path for path in bundles if path.startswith("3.14."))
    with Replica([]) as site:
        site.add(path)
        site.add(f"{path}.sigstore", content=bundles[path])
        settings = load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(tmp_path)})
        done = refresh(settings, digests=True)
    line = "  digests      1 read, 1 of them with a verified signature"
    assert line in str(done).splitlines()
    assert catalog(settings) == {path: (digests[path], "sigstore", real_signers()[3, 14][0])}
    assert metadata(settings)["signatures_verified"] == 1
