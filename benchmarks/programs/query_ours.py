"""Query the catalog in PYORG_HOME many times: latest_version or list_version_artifacts, calls.

Timed: the median of the calls after the first, in one process.
"""

import json
import sys
import time
from statistics import median

from pyorg_pipeline import PythonOrgDownloads

QUERIES = {
    "latest_version": PythonOrgDownloads.latest_version,
    "list_version_artifacts": lambda: PythonOrgDownloads.list_version_artifacts(3, 13, 9),
}

query = QUERIES[sys.argv[1]]
answer = query()
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    answer = query()
    times.append(time.perf_counter() - start)
result = f"{len(answer)} artifacts" if isinstance(answer, list) else str(answer)
print(json.dumps({"seconds": median(times) if times else 0, "result": result}))
