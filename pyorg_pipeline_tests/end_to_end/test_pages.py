"""The pages in docs/ match the code: columns, metadata, commands, settings, errors, names."""

from __future__ import annotations

import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from dagster import validate_run_config

from pyorg_pipeline import errors
from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.cli import program
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.instance import DAGSTER_YAML, open_instance
from pyorg_pipeline.defs.maintenance import prune_history
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.downloads.archives import archive_kind
from pyorg_pipeline.errors import DagsterConfigError
from pyorg_pipeline.model.artifacts import is_install_manager_zip
from pyorg_pipeline.model.digests import BUNDLE_SUFFIX, SBOM_SUFFIX
from pyorg_pipeline.model.due import HIDDEN_BACKOFF, Due, Failure, backoff_after
from pyorg_pipeline.refresh.digests import record_digests
from pyorg_pipeline.refresh.install_manager import install_manager_table
from pyorg_pipeline.settings import DEFAULTS, load_settings
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.command_line import pyorg
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.published import bundle_bytes, sha256_of
from pyorg_pipeline_tests.support.release_stages import recorded, release_directories
from pyorg_pipeline_tests.support.small_site import small_site
from tools.tables_page import TABLES, Table
from tools.write_pages import DOCS, PAGES

README = DOCS.parent / "README.md"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def first_cells(text: str, column: str) -> list[str]:
    """The code in the first cells of every table whose first column is called so."""
    tables = re.findall(rf"^\| {column} \|.*\n\| ---.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert tables
    return re.findall(r"^\| `([^`]+)` \|", "".join(tables), re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert PAGES[name]() == page(name), "run python -m tools.write_pages"


def test_every_schema_has_its_table_on_the_page() -> None:
    known = [value for value in vars(schemas).values() if isinstance(value, pa.Schema)]
    shown = [table.schema for table in TABLES]
    assert len(shown) == len(known)
    assert all(schema in shown for schema in known)


@pytest.fixture(scope="module")
def every_table(tmp_path_factory: pytest.TempPathFactory) -> CatalogStore:
    """A catalog with a table of each kind."""
    home = tmp_path_factory.mktemp("every-table")
    source = "3.13.9/Python-3.13.9.tgz"
    with Replica(small_site()) as site:
        site.add(f"{source}.sigstore", content=bundle_bytes(sha256_of(b"any")))
        fill(str(home / "catalog"), site.url)
        site.replace(source, size=29_000_001)
        site.add("3.14.0/Python-3.14.0.tgz", size=30_000_000)
        site.answer("3.14.0/", Answer(status=403))
        store = fill(str(home / "catalog"), site.url)
        site.add("pymanager/python-manager-25.0.msi")
        with SiteClient(site.url) as client:
            assert list(record_digests(store, client, ["3.13.9"]))
            store.write("install_manager.parquet", *install_manager_table(client))
        done = pyorg(
            home,
            *("download", "3.13.9", "--verify", "size"),
            *("--destination", str(home / "files")),
            PYORG_SITE_URL=site.url,
        )
        assert done.returncode == 0, done.stderr
    return store


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_page_has_the_columns_and_metadata_that_are_written(
    table: Table, every_table: CatalogStore
) -> None:
    folder, _, name = table.file.rpartition("/")
    names = list(every_table.location.stamps(folder))
    written = names if name.startswith("<") else [one for one in names if one == name]
    assert written
    for one in written:
        rows, metadata = every_table.read(f"{folder}/{one}".lstrip("/"))
        assert rows.schema.names == table.schema.names
        assert metadata.keys() == {"format", *table.metadata}


def test_settings_exist_and_have_the_defaults_that_their_page_shows() -> None:
    shown = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", page("command-line.md"), re.MULTILINE))
    assert shown.keys() == DEFAULTS.keys()
    # Given or not, the settings are the same; paths depend on the machine.
    given = {name: text.strip("`") for name, text in shown.items() if text.startswith("`")}
    given = {name: text for name, text in given.items() if not text.startswith("$")}
    assert len(given) == 10
    # Whether a site was given is remembered.
    site = {"PYORG_SITE_URL": given["PYORG_SITE_URL"]}
    assert load_settings(given) == load_settings(site)
    assert load_settings({}).site_url == given["PYORG_SITE_URL"]
    pages = "".join(file.read_text(encoding="utf-8") for file in DOCS.glob("*.md"))
    assert set(re.findall(r"\bPYORG_[A-Z_]*[A-Z]\b", pages)) <= DEFAULTS.keys()


def test_every_error_has_a_row_and_those_of_downloads_exist() -> None:
    known = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.PyorgError)
    }
    rows = first_cells(page("troubleshooting.md"), "error")
    assert sorted(rows) == sorted(known - {"PyorgError"})
    named = set(re.findall(r"\b([A-Z]\w+Error)s?\b", page("downloads.md")))
    assert len(named) >= 7
    assert named <= known


def test_checks_schedules_sensors_and_jobs_are_all_on_their_page() -> None:
    definitions = build_definitions(load_settings({}))
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    assert {name for name in checks if f"`{name}`" not in page("troubleshooting.md")} == set()
    repository = definitions.get_repository_def()
    shown = first_cells(page("operating.md"), "name")
    schedules = [one.name for one in repository.schedule_defs]
    sensors = [one.name for one in repository.sensor_defs]
    assert sorted(shown) == sorted([*schedules, *sensors])
    jobs = {name for name in repository.job_names if not name.startswith("__")}
    assert {name for name in jobs if f"`{name}`" not in page("operating.md")} == set()


def test_the_configurations_of_dagster_are_valid() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", page("operating.md"), re.DOTALL)
    assert DAGSTER_YAML in blocks
    [pruning] = [block for block in blocks if "delete_old_runs" in block]
    assert validate_run_config(prune_history, yaml.safe_load(pruning))


def test_deployments_start_existing_programs_with_existing_settings(tmp_path: Path) -> None:
    text = page("deployment.md")
    units = "".join(re.findall(r"```ini\n(.*?)```", text, re.DOTALL))
    scripts = {one.name for one in entry_points(group="console_scripts")}
    started = [line.split() for line in re.findall(r"^ExecStart=(.*)$", units, re.MULTILINE)]
    assert {Path(words[0]).name for words in started} <= scripts
    assert len(started) == 3
    modules = [words[words.index("-m") + 1] for words in started if "-m" in words]
    assert {bool(find_spec(name)) for name in modules} == {True}
    [image] = re.findall(r"```dockerfile\n(.*?)```", text, re.DOTALL)
    copied = [
        word for line in re.findall(r"^COPY (.*) ", image, re.MULTILINE) for word in line.split()
    ]
    assert [name for name in copied if not (README.parent / name).exists()] == []
    [command] = [json.loads(line) for line in re.findall(r"^CMD (.*)$", image, re.MULTILINE)]
    commands = [[Path(words[0]).name, *words[1:]] for words in (*started, command)]
    for _, name, *options in [words for words in commands if words[0] == "pyorg"]:
        known = {text for one in program.commands[name].params for text in one.opts}
        assert {text for text in options if text.startswith("--")} <= known
    named = re.findall(r"^(?:Environment=|ENV )(\w+)=", units + image, re.MULTILINE)
    assert len(named) == 3
    assert set(named) <= DEFAULTS.keys()
    # Dagster checks what the file says before it imports the package.
    [storage] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML + storage)
    with pytest.raises(DagsterConfigError, match="import module dagster_postgres"):  # noqa: SIM117
        with open_instance(tmp_path):
            pass


def test_every_reason_to_read_a_directory_again_is_on_the_page() -> None:
    text = " ".join(page("how-it-works.md").split())
    assert sorted(first_cells(page("how-it-works.md"), "reason")) == sorted(Due)
    failure = Failure("why", datetime(2026, 1, 1, tzinfo=UTC), 1, False, None)
    hours = [
        backoff_after(failure._replace(attempts=attempts)) / timedelta(hours=1)
        for attempts in range(1, 8)
    ]
    assert hours == [0, 1.5, 3, 6, 12, 23.5, 23.5]
    assert "after 90 minutes, then 3 hours, 6, 12, and every 23½ hours" in text
    assert (HIDDEN_BACKOFF.days, "after a day, or when its date moves" in text) == (1, True)


def anchors(file: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize(
    "file",
    [*sorted(README.parent.glob("*.md")), *sorted(README.parent.glob("[bdt]*/*.md"))],
    ids=lambda file: str(file.relative_to(README.parent)),
)
def test_links_are_valid_and_the_readme_links_every_page(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    for target in [*targets, *re.findall(r'(?:src|srcset)="([^"]+)"', text)]:
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (file.parent / path) if path else file
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target
    if file == README:
        assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= set(targets)


def test_every_way_to_verify_has_a_row() -> None:
    rows = re.findall(r"^\| `(True|False|'\w+')`", page("downloads.md"), re.MULTILINE)
    assert rows == ["True", "'digest'", "'signature'", "False"]


def test_the_numbers_of_artifacts_are_those_of_the_record() -> None:
    counted: dict[str, list[int]] = {"all": [0, 0, 0, 0]}
    directories = release_directories()
    for listed in (one for directory in directories for one in recorded(directory)):
        if BUNDLE_SUFFIX in listed.companions:
            column = 0 if SBOM_SUFFIX in listed.companions else 1
        else:
            assert SBOM_SUFFIX not in listed.companions
            column = 2 if archive_kind(listed.entry.name) is not None else 3
        for row_name in (f"`{listed.artifact_type}`", "all"):
            counted.setdefault(row_name, [0, 0, 0, 0])[column] += 1
    table = re.search(r"^\| type \|.*\n\| ---.*\n((?:\|.*\n)+)", page("downloads.md"), re.MULTILINE)
    assert table is not None
    rows = [row.strip("| ").split(" | ") for row in table[1].splitlines()]
    shown = {name: [int(cell.replace(",", "")) for cell in cells] for name, *cells in rows}
    assert shown == counted
    named = 0
    for directory in directories:
        found = recorded(directory)
        released = {one.release_version for one in found if one.artifact_type == "windows-manifest"}
        named += sum(
            is_install_manager_zip(one.artifact_type, one.entry.name)
            and one.release_version in released
            for one in found
        )
    assert f"{named} of the {counted['`windows-release`'][2]:,}\narchives" in page("downloads.md")
