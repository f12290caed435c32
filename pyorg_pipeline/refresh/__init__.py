"""The steps of a refresh, from the site's listings to the published tables.

Each step is a function of the catalog's store and the site's client and returns numbers. The
Dagster assets call them; nothing here knows Dagster, and nothing here takes the lock.
"""
