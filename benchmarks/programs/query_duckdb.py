"""Queries artifact_catalog.parquet for 3.13.9 with DuckDB, over one connection: file, calls."""

import sys

import duckdb
from timing import median_of_calls, report

QUERY = """
select * from read_parquet(?)
where (major, minor, micro) = (3, 13, 9)
  and releaselevel = 'final' and artifact_type <> 'unrecognised'
order by path
"""

connection = duckdb.connect()
seconds, rows = median_of_calls(
    lambda: connection.execute(QUERY, [sys.argv[1]]).fetchall(), int(sys.argv[2])
)
report(seconds, f"{len(rows)} rows")
