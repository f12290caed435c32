"""The public API: what `pyorg_pipeline` exports, and the facade's signatures, as in api.md."""

from __future__ import annotations

import inspect
import pickle

import pytest

import pyorg_pipeline
from pyorg_pipeline import PythonOrgDownloads, errors
from pyorg_pipeline.errors import PyorgError

EXPORTED = {
    *("PythonOrgDownloads", "NormalizedPythonVersion", "PythonOrgArtifact", "PythonRelease"),
    *("ReleaseState", "PythonSeries", "SeriesStatus", "CatalogChange", "CatalogInfo"),
    *("FileVerification", "FolderVerification"),
    *("PyorgError", "SettingsError", "ExtraMissingError", "InvalidArgumentError"),
    *("VersionNotFoundError", "ArtifactChoiceError"),
    *("SiteError", "SiteUnreachableError", "SiteStatusError"),
    *("CatalogError", "CatalogMissingError", "CatalogLockedError", "RefreshError"),
    *("DownloadError", "VerificationError", "DamagedFilesError"),
}

#: The parameters with their defaults; `*` before those that are keywords only.
_FILTERS = "*, artifact_type=None, arch=None, format=None, attributes=None"
_FILE = "stream_chunk_size=1048576, destination_dir='.', overwrite=False"
SIGNATURES = {
    "list_release_versions": "final_only=True",
    "list_version_artifacts": f"major, minor, micro=0, final_only=True, {_FILTERS}",
    "list_all_release_artifacts": f"final_only=False, {_FILTERS}",
    "download_artifact": f"artifact, {_FILE}, *, verify=True, progress=None",
    "download_release": (
        "major, minor, micro=0, releaselevel='final', serial=0, artifact_type='source-release', "
        f"artifact_format={{'format': 'tarball_lzma'}}, {_FILE}, *, verify=True, progress=None"
    ),
    "latest_version": (
        "final_only=True, download_tarball=False, *, series=None, complete_only=False, "
        "supported_only=False, artifact_type=None, arch=None, format=None, attributes=None"
    ),
    "list_series": "",
    "list_releases": "series=None, final_only=False",
    "list_changes": "since=None, *, companions=False",
    "report_releases": "series=None, final_only=False",
    "report_changes": "since=None, *, companions=False",
    "report_version_artifacts": "major, minor, micro=0",
    "report_all_release_artifacts": "final_only=False",
    "refresh": "full=False, accept_vanished=False, digests=False, install_manager=False",
    "lock": "*artifacts",
    "confirm": "*artifacts",
    "verify_files": "folder='.', *, verify=True, progress=None",
    "catalog_info": "",
    "to_arrow": "",
    "to_pandas": "",
}


def test_the_package_exports_these_names() -> None:
    assert set(pyorg_pipeline.__all__) == EXPORTED
    assert all(hasattr(pyorg_pipeline, name) for name in EXPORTED)
    with pytest.raises(AttributeError, match="has no attribute 'Unknown'"):
        _ = pyorg_pipeline.Unknown


def test_the_facade_has_these_methods_and_parameters() -> None:
    found = {}
    for name, method in inspect.getmembers(PythonOrgDownloads, inspect.ismethod):
        if not name.startswith("_"):
            signature = inspect.signature(method)
            plain = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
            found[name] = str(inspect.Signature(plain))[1:-1]
    assert found == SIGNATURES


FAILURES = {f"3.{minor}.0": "forbidden" for minor in range(5)}
LOST = """\
could not read 5 directories: 3.0.0 (forbidden); 3.1.0 (forbidden); 3.2.0 (forbidden) and 2 more. \
The catalog keeps the last good table of each; the next `pyorg refresh` tries again"""
DIFFERENT = """\
x: size should be 1 (the catalog), but is 2 (the bytes); refresh the catalog, then download the \
file again; if it still differs, do not use it"""
RAISED = [
    (errors.SettingsError("NAME", "x", "why"), "NAME='x' cannot be used: why"),
    (errors.InvalidArgumentError("text {of} any kind"), "text {of} any kind"),
    (errors.SiteStatusError("https://x/", "gone", 410), "https://x/: gone"),
    (errors.ListingError("https://x/", "cut", is_listing=True), "https://x/: cut"),
    (errors.DirectoriesFailedError(FAILURES), LOST),
    (errors.VerificationError("x", "size", "1", "2", "the catalog", "the bytes"), DIFFERENT),
]


@pytest.mark.parametrize(("error", "text"), RAISED, ids=lambda one: type(one).__name__)
def test_an_error_has_its_message_after_pickling(error: PyorgError, text: str) -> None:
    assert str(error) == text
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), vars(copied)) == (type(error), text, vars(error))


@pytest.mark.parametrize(
    ("status", "transient"), [(403, False), (404, False), (410, False), (429, True), (503, True)]
)
def test_an_error_says_whether_the_request_may_succeed_later(status: int, transient: bool) -> None:
    assert errors.SiteStatusError("https://x/", "why", status).transient is transient
    assert errors.SiteUnreachableError("https://x/", "why").transient
