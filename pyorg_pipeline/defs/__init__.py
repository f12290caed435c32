"""The Dagster definitions: assets, partitions, jobs, resources, checks and automation."""
