"""Downloads files with python-org-downloads, one after the other: URL, listing, folder.

Imports are not timed.
"""

import json
import sys
import time
from pathlib import Path

from python_org_downloads import PythonOrgArtifact, PythonOrgDownloads
from timing import report

PythonOrgDownloads.BASE_URL = sys.argv[1].rstrip("/")
files = json.loads(Path(sys.argv[2]).read_text())
artifacts = [
    PythonOrgArtifact(file["name"], parent_path=file["path"].rpartition("/")[0]) for file in files
]
start = time.perf_counter()
for artifact in artifacts:
    PythonOrgDownloads.download_artifact(artifact, destination_dir=sys.argv[3])
report(time.perf_counter() - start, f"{len(artifacts)} files, not verified")
