"""Asks python-org-downloads for 3.13.9: URL, calls."""

import sys

from python_org_downloads import PythonOrgDownloads
from timing import median_of_calls, report

PythonOrgDownloads.BASE_URL = sys.argv[1].rstrip("/")
seconds, artifacts = median_of_calls(
    lambda: PythonOrgDownloads.list_version_artifacts(3, 13, 9), int(sys.argv[2])
)
report(seconds, f"{len(artifacts)} artifacts")
