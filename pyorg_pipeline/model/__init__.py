"""Values and rules: versions, artifacts, the grammar of file names, what a refresh has to do.

No I/O belongs here, and nothing that knows Parquet, HTTP or Dagster.
"""
