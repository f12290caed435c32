"""The asset checks, in real runs: a failed one is recorded, and stops nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings

#: By asset, what each check is called and how bad it is where it fails.
CHECKS = {
    "artifact_catalog": {
        "companions_have_their_artifact": "WARN",
        "every_final_has_a_source_tarball": "WARN",
        "files_are_in_their_directory": "WARN",
        "paths_are_unique": "ERROR",
        "replaced_files_are_confirmed": "WARN",
        "sizes_are_plausible": "WARN",
        "unrecognised_share_did_not_jump": "WARN",
    },
    "latest_version": {"latest_never_goes_back": "ERROR"},
}


def evaluations(dagster_home: Path) -> dict[tuple[str, str], Any]:
    """What the newest run of the job publish found, by asset and check."""
    with open_instance(dagster_home) as instance:
        [run] = instance.get_runs(dg.RunsFilter(job_name="publish"), limit=1)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [event.asset_check_evaluation for event in events]
    return {(one.asset_key.to_user_string(), one.check_name): one for one in found if one}


def test_every_check_runs_with_the_job_and_passes_on_the_whole_record(catalog_home: Path) -> None:
    found = evaluations(catalog_home / "dagster")
    assert {key: (one.passed, one.severity.value) for key, one in found.items()} == {
        (asset, check): (True, severity)
        for asset, checks in CHECKS.items()
        for check, severity in checks.items()
    }
    finals = found["artifact_catalog", "every_final_has_a_source_tarball"]
    assert {name: value.value for name, value in finals.metadata.items()} == {
        "finals": 231,
        "without": 0,
    }


def test_each_check_has_a_description(tmp_path: Path) -> None:
    definitions = build_definitions(load_settings({"PYORG_HOME": str(tmp_path)}))
    graph = definitions.resolve_asset_graph()
    names = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys}
    published = {(asset, check) for asset, checks in CHECKS.items() for check in checks}
    # These are part of their asset's step: what they guard is not written when they fail.
    blocking = {
        ("release_directories", "root_keeps_its_directories"),
        ("release_artifacts", "directories_keep_their_artifacts"),
    }
    assert names == published | blocking
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        assert len(spec.description or "") > 40
        assert spec.blocking == ((key.asset_key.to_user_string(), key.name) in blocking)


def test_a_failing_check_reports_its_numbers_and_blocks_nothing(
    settings: Settings, site: Replica
) -> None:
    refresh(settings)
    for number in range(11):
        site.add(f"3.14.0/stray{number}.xyz")
    site.remove("3.14.0/Python-3.14.0.tar.xz")
    site.remove("3.15.0/")
    site.add("3.14.0/python-3.14.0-amd64.exe", size=0)
    site.add("3.14.0/python-3.14.0-arm64.exe.asc")
    site.add("2.7/Python-2.7.1.tgz", size=14_000_000)
    done = refresh(settings, accept_vanished=True)
    found = evaluations(settings.dagster_home)
    assert {check for (_, check), one in found.items() if not one.passed} == {
        "companions_have_their_artifact",
        "every_final_has_a_source_tarball",
        "files_are_in_their_directory",
        "latest_never_goes_back",
        "sizes_are_plausible",
        "unrecognised_share_did_not_jump",
    }
    values = {
        check: {name: value.value for name, value in one.metadata.items()}
        for (_, check), one in found.items()
    }
    assert values["unrecognised_share_did_not_jump"] == {
        "unrecognised": 14,
        "share": round(14 / 22, 6),
        "unrecognised_before": 2,
        "share_before": 0.2,
    }
    assert values["every_final_has_a_source_tarball"] == {
        "finals": 4,
        "without": 1,
        "samples": ["3.14.0"],
    }
    assert values["sizes_are_plausible"]["samples"] == ["3.14.0/python-3.14.0-amd64.exe (0 bytes)"]
    assert values["companions_have_their_artifact"]["samples"] == [
        "3.14.0/python-3.14.0-arm64.exe.asc"
    ]
    assert values["latest_never_goes_back"]["samples"] == [
        "all, of any level: 3.15.0a1 to 3.14.0",
        "3.15, of any level: 3.15.0a1 to none",
    ]
    # The snapshot was published all the same.
    assert (done.error, done.unrecognised) == (None, 14)
    assert done.failed_checks.keys() == {check for _, check in found} - {
        "paths_are_unique",
        "replaced_files_are_confirmed",
    }
    lines = [line for line in str(done).splitlines() if line.startswith("  warning")]
    assert len(lines) == 6
    assert any("sizes_are_plausible: 1 implausible size" in one for one in lines)


def test_one_check_can_be_run_by_itself(settings: Settings) -> None:
    refresh(settings)
    definitions = build_definitions(settings)
    key = dg.AssetCheckKey(dg.AssetKey("artifact_catalog"), "paths_are_unique")
    job = definitions.resolve_implicit_global_asset_job_def()
    with open_instance(settings.dagster_home) as instance:
        done = job.get_subset(
            asset_selection=set(), asset_check_selection={key}
        ).execute_in_process(instance=instance)
    [one] = done.get_asset_check_evaluations()
    assert (one.asset_check_key, one.passed) == (key, True)
