"""Verified downloads: one file, many at once, and where they go. Nothing here knows Dagster."""
