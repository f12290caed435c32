"""Ask DuckDB for 3.13.9 in a catalog's file, so many times: file, calls.

Timed: the median of the calls after the first, in one process and over one connection. With no
calls only the first is made, for those who time the whole process.
"""

import json
import sys
import time
from statistics import median

import duckdb

QUERY = """
select * from read_parquet(?)
where (major, minor, micro) = (3, 13, 9)
  and releaselevel = 'final' and artifact_type <> 'unrecognised'
order by path
"""

connection = duckdb.connect()
rows = connection.execute(QUERY, [sys.argv[1]]).fetchall()
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    rows = connection.execute(QUERY, [sys.argv[1]]).fetchall()
    times.append(time.perf_counter() - start)
if times:
    print(json.dumps({"seconds": median(times), "result": f"{len(rows)} rows"}))
