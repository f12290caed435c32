"""python-org-downloads' command line, pointed at another site: URL, its arguments.

As its __main__ does it; only the site is another one.
"""

import sys

import python_org_downloads
from simplifiedapp import main

python_org_downloads.PythonOrgDownloads.BASE_URL = sys.argv.pop(1).rstrip("/")
main(python_org_downloads)
