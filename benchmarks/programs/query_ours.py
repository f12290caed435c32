"""Ask the catalog in PYORG_HOME for 3.13.9, so many times: calls.

Timed: the median of the calls after the first, in one process.
"""

import json
import sys
import time
from statistics import median

from pyorg_pipeline import PythonOrgDownloads

PythonOrgDownloads.list_version_artifacts(3, 13, 9)
times = []
for _ in range(int(sys.argv[1])):
    start = time.perf_counter()
    artifacts = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
    times.append(time.perf_counter() - start)
print(json.dumps({"seconds": median(times), "brought": f"{len(artifacts)} artifacts"}))
