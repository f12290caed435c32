"""All HTTP: the client, the parser of listings, the crawler, and a replica of the site.

Nothing here knows Parquet or Dagster.
"""
