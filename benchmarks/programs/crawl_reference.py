"""Lists every artifact with python-org-downloads: URL. Imports are not timed."""

import sys
import time

from python_org_downloads import PythonOrgDownloads
from timing import report

PythonOrgDownloads.BASE_URL = sys.argv[1].rstrip("/")
start = time.perf_counter()
artifacts = PythonOrgDownloads.list_all_release_artifacts()
report(time.perf_counter() - start, f"{len(artifacts)} artifacts, no sizes, no dates")
