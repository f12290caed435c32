"""List every artifact with python-org-downloads: URL.

Timed: list_all_release_artifacts. Not timed: imports.
"""

import json
import sys
import time

from python_org_downloads import PythonOrgDownloads

PythonOrgDownloads.BASE_URL = sys.argv[1].rstrip("/")
start = time.perf_counter()
artifacts = PythonOrgDownloads.list_all_release_artifacts()
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "result": f"{len(artifacts)} artifacts, no sizes, no dates"}))
