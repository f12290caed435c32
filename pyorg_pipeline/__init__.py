"""The catalog of everything python.org has ever released.

Import `PythonOrgDownloads` to ask it. Importing this package imports neither Dagster nor requests.
"""

from pyorg_pipeline.errors import (
    ArtifactChoiceError,
    CatalogError,
    CatalogLockedError,
    CatalogMissingError,
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
from pyorg_pipeline.model.catalog_info import CatalogInfo
from pyorg_pipeline.model.changes import CatalogChange
from pyorg_pipeline.model.releases import PythonRelease, ReleaseState
from pyorg_pipeline.model.versions import NormalizedPythonVersion

__all__ = [
    "ArtifactChoiceError",
    "CatalogChange",
    "CatalogError",
    "CatalogInfo",
    "CatalogLockedError",
    "CatalogMissingError",
    "DownloadError",
    "ExtraMissingError",
    "InvalidArgumentError",
    "NormalizedPythonVersion",
    "PyorgError",
    "PythonOrgArtifact",
    "PythonOrgDownloads",
    "PythonRelease",
    "RefreshError",
    "ReleaseState",
    "SettingsError",
    "SiteError",
    "SiteStatusError",
    "SiteUnreachableError",
    "VerificationError",
    "VersionNotFoundError",
]
