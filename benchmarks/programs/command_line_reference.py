"""python-org-downloads' command line for another site: URL, its arguments."""

import sys

import python_org_downloads
from simplifiedapp import main

python_org_downloads.PythonOrgDownloads.BASE_URL = sys.argv.pop(1).rstrip("/")
main(python_org_downloads)
