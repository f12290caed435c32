"""What the programs have in common; they run with different interpreters, so it needs nothing."""

import json
import time
from statistics import median


def report(seconds, result):
    """Print the figures of this program, which `measuring.run` reads."""
    print(json.dumps({"seconds": seconds, "result": result}))


def median_of_calls(query, calls):
    """The median time of `calls` calls of `query`, after a first one; and the last answer."""
    answer = query()
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        answer = query()
        times.append(time.perf_counter() - start)
    return median(times), answer
