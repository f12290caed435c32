"""The definitions that Dagster loads."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.schemas import DOWNLOAD_REPORT
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.metadata import names, picture, preview
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.settings import load_settings
from pyorg_pipeline_tests.support.command_line import environment

#: The columns of each asset, and the assets that it is made from.
ASSETS = {
    "release_directories": (schemas.RELEASE_DIRECTORIES, []),
    "release_artifacts": (schemas.RELEASE_ARTIFACTS, ["release_directories"]),
    "install_manager": (schemas.INSTALL_MANAGER, []),
    "artifact_digests": (schemas.ARTIFACT_DIGESTS, []),
    "artifact_catalog": (schemas.ARTIFACT_CATALOG, ["release_artifacts", "artifact_digests"]),
    "latest_version": (schemas.LATEST_VERSION, ["artifact_catalog"]),
    "releases": (schemas.RELEASES, ["artifact_catalog"]),
    "catalog_changes": (schemas.CATALOG_CHANGES, ["artifact_catalog"]),
    "downloaded_artifacts": (DOWNLOAD_REPORT, ["artifact_catalog"]),
}

#: Dagster prefers `dg check defs` to its older command, which is all that this warning says.
SUPERSEDED = "ignore:Function `definitions_validate_command` is superseded"


def test_each_asset_and_job_has_what_the_ui_shows(tmp_path: Path) -> None:
    definitions = build_definitions(load_settings({"PYORG_HOME": str(tmp_path)}))
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    assert specs.keys() == ASSETS.keys()
    fresh = dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=3), fail_window=timedelta(hours=26)
    )
    for name, (schema, upstream) in ASSETS.items():
        spec = specs[name]
        assert len(spec.description or "") > 60
        assert spec.group_name == "catalog"
        assert spec.kinds == {"python", "parquet"}
        assert [dep.asset_key.to_user_string() for dep in spec.deps] == upstream
        assert spec.freshness_policy == (fresh if name == "release_directories" else None)
        columns = spec.metadata["columns"].columns
        assert [column.name for column in columns] == schema.names
        assert all(column.description for column in columns)
    jobs = definitions.get_repository_def().get_all_jobs()
    assert [job.name for job in jobs if not (job.description or job.name.startswith("__"))] == []


def test_a_test_can_swap_a_resource(tmp_path: Path, site: Replica) -> None:
    settings = load_settings({"PYORG_HOME": str(tmp_path), "PYORG_SITE_URL": site.url})
    elsewhere = CatalogResource(url=str(tmp_path / "elsewhere"), lock_folder=str(tmp_path))
    definitions = build_definitions(settings, resources={"catalog": elsewhere})
    with dg.DagsterInstance.ephemeral() as instance:
        assert (
            definitions.resolve_job_def("read_root").execute_in_process(instance=instance).success
        )
    assert elsewhere.store().metadata("release_directories.parquet")["site_url"] == site.url
    assert not (tmp_path / "catalog").exists()


def test_metadata_is_markdown_in_which_names_from_the_site_are_no_markup() -> None:
    rows = [{"name": "a|b<i>", "size": None, "companions": [".asc", ".sig"]}]
    assert preview(rows, ["name", "size", "companions"]).value == (
        "| name | size | companions |\n| --- | --- | --- |\n| a\\|b&lt;i> |  | .asc .sig |"
    )
    assert preview([], ["name"]).value == "no rows"
    assert names([]) == "none"
    assert names(["a"] * 51) == f"{', '.join(['a'] * 50)} and 1 more"
    assert picture("<svg/>", "a < b | c").value == (
        "![a &lt; b \\| c](data:image/svg+xml;base64,PHN2Zy8+)"
    )


@pytest.mark.parametrize(
    "command",
    ["dg check defs", "dg list defs", "dagster definitions validate"],
)
def test_dagster_s_own_tools_accept_the_clone_without_warnings(
    command: str, tmp_path: Path
) -> None:
    program, *arguments = command.split()
    done = subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=Path(__file__).parents[2],
        env=environment(tmp_path, PYTHONWARNINGS=SUPERSEDED),
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert "warning" not in printed.lower()
