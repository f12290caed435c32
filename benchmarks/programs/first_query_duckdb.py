"""The newest final release from a catalog's latest_version.parquet: file."""

import sys

import duckdb

QUERY = "select * from read_parquet(?) where series is null and final_only"

print(duckdb.connect().execute(QUERY, [sys.argv[1]]).fetchall())
