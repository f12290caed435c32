"""The steps of a refresh, from the site's listings to the published tables.

They are functions of the catalog's store and the site's client, which the Dagster assets call with
the catalog's lock held.
"""
