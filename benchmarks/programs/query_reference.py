"""Ask python-org-downloads for 3.13.9, so many times: URL, calls.

Timed: the median of the calls after the first, in one process.
"""

import json
import sys
import time
from statistics import median

from python_org_downloads import PythonOrgDownloads

PythonOrgDownloads.BASE_URL = sys.argv[1].rstrip("/")
PythonOrgDownloads.list_version_artifacts(3, 13, 9)
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    artifacts = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
    times.append(time.perf_counter() - start)
print(json.dumps({"seconds": median(times), "result": f"{len(artifacts)} artifacts"}))
