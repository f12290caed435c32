"""All Parquet: where the catalog lies, its schemas, reading and atomic writing, the queries.

Nothing here knows HTTP or Dagster.
"""
