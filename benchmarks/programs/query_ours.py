"""Queries the catalog in PYORG_HOME: latest_version or list_version_artifacts, calls."""

import sys

from timing import median_of_calls, report

from pyorg_pipeline import PythonOrgDownloads

QUERIES = {
    "latest_version": PythonOrgDownloads.latest_version,
    "list_version_artifacts": lambda: PythonOrgDownloads.list_version_artifacts(3, 13, 9),
}

seconds, answer = median_of_calls(QUERIES[sys.argv[1]], int(sys.argv[2]))
report(seconds, f"{len(answer)} artifacts" if isinstance(answer, list) else str(answer))
