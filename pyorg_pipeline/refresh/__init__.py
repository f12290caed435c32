"""The steps of a refresh, from the site's listings to the published tables, without Dagster."""
