"""The newest final release from the catalog in PYORG_HOME; the whole process is measured."""

from pyorg_pipeline import PythonOrgDownloads

print(PythonOrgDownloads.latest_version())
