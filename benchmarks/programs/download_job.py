"""Runs `pyorg --json download ...` and times it without its transfers: the command.

All transfers start together, so the slowest of them is what they took.
"""

import json
import subprocess
import sys
import time

from timing import report

start = time.perf_counter()
done = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True)
seconds = time.perf_counter() - start
outcomes = json.loads(done.stdout)["outcomes"]
assert {row["outcome"] for row in outcomes} == {"fetched"}, outcomes
assert {row["verification"] for row in outcomes} == {"digest"}, outcomes
transfers = max(row["seconds"] for row in outcomes)
report(seconds - transfers, f"{len(outcomes)} files by digest, transfers {transfers:.2f} s")
