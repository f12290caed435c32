"""Download files with python-org-downloads: URL, listing, folder.

Timed: download_artifact of each file, one after the other, as it does. Not timed: imports.
"""

import time

began = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from python_org_downloads import PythonOrgArtifact, PythonOrgDownloads  # noqa: E402

imports = time.perf_counter() - began

PythonOrgDownloads.BASE_URL = sys.argv[1].rstrip("/")
files = json.loads(Path(sys.argv[2]).read_text())
artifacts = [
    PythonOrgArtifact(file["name"], parent_path=file["path"].rpartition("/")[0]) for file in files
]
start = time.perf_counter()
for artifact in artifacts:
    PythonOrgDownloads.download_artifact(artifact, destination_dir=sys.argv[3])
seconds = time.perf_counter() - start
print(
    json.dumps(
        {
            "seconds": seconds,
            "result": f"{len(artifacts)} files, not looked at, one after the other; "
            f"imports {imports:.2f} s",
        }
    )
)
