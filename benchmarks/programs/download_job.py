"""Run `pyorg --json download ...` and tell how long it took beyond its transfers: the command.

Its transfers all begin at once, so that the slowest of them says how long files were under way.
"""

import json
import subprocess
import sys
import time

start = time.perf_counter()
done = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True)
seconds = time.perf_counter() - start
outcomes = json.loads(done.stdout)["outcomes"]
assert {row["outcome"] for row in outcomes} == {"fetched"}, outcomes
assert {row["proof"] for row in outcomes} == {"digest"}, outcomes
transfers = max(row["seconds"] for row in outcomes)
print(
    json.dumps(
        {
            "seconds": seconds - transfers,
            "result": f"{len(outcomes)} files by digest, under way for {transfers:.2f} s",
        }
    )
)
