"""The catalog of everything python.org has ever released.

Import `PythonOrgDownloads` to ask it. Importing this package imports neither Dagster nor requests.
"""

from importlib import import_module

#: As in `typing`, whose import would take longer than that of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyorg_pipeline.errors import (
        ArtifactChoiceError,
        CatalogError,
        CatalogLockedError,
        CatalogMissingError,
        DamagedFilesError,
        DownloadError,
        ExtraMissingError,
        InvalidArgumentError,
        PyorgError,
        RefreshError,
        SettingsError,
        SiteError,
        SiteStatusError,
        SiteUnreachableError,
        VerificationError,
        VersionNotFoundError,
    )
    from pyorg_pipeline.facade import PythonOrgDownloads
    from pyorg_pipeline.model.artifacts import PythonOrgArtifact
    from pyorg_pipeline.model.catalog import CatalogChange, CatalogInfo
    from pyorg_pipeline.model.downloads import FileVerification, FolderVerification
    from pyorg_pipeline.model.releases import PythonRelease, ReleaseState
    from pyorg_pipeline.model.series import PythonSeries, SeriesStatus
    from pyorg_pipeline.model.versions import NormalizedPythonVersion

__all__ = [
    "ArtifactChoiceError",
    "CatalogChange",
    "CatalogError",
    "CatalogInfo",
    "CatalogLockedError",
    "CatalogMissingError",
    "DamagedFilesError",
    "DownloadError",
    "ExtraMissingError",
    "FileVerification",
    "FolderVerification",
    "InvalidArgumentError",
    "NormalizedPythonVersion",
    "PyorgError",
    "PythonOrgArtifact",
    "PythonOrgDownloads",
    "PythonRelease",
    "PythonSeries",
    "RefreshError",
    "ReleaseState",
    "SeriesStatus",
    "SettingsError",
    "SiteError",
    "SiteStatusError",
    "SiteUnreachableError",
    "VerificationError",
    "VersionNotFoundError",
]

#: Where the names are, except the errors. They are imported when they are first used: so importing
#: this package takes no time, and Ctrl-C while `pyorg` imports its modules is no traceback.
_MODULES = {
    "CatalogChange": "pyorg_pipeline.model.catalog",
    "CatalogInfo": "pyorg_pipeline.model.catalog",
    "FileVerification": "pyorg_pipeline.model.downloads",
    "FolderVerification": "pyorg_pipeline.model.downloads",
    "NormalizedPythonVersion": "pyorg_pipeline.model.versions",
    "PythonOrgArtifact": "pyorg_pipeline.model.artifacts",
    "PythonOrgDownloads": "pyorg_pipeline.facade",
    "PythonRelease": "pyorg_pipeline.model.releases",
    "PythonSeries": "pyorg_pipeline.model.series",
    "ReleaseState": "pyorg_pipeline.model.releases",
    "SeriesStatus": "pyorg_pipeline.model.series",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "pyorg_pipeline.errors")), name)
