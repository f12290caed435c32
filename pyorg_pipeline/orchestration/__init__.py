"""All Dagster: assets, partitions, jobs, resources, the instance, and refreshing through them.

What the assets do stands in pyorg_pipeline.refresh; here is only how Dagster hears of it.
"""
