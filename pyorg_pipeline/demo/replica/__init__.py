"""A replica of the site, for tests and for machines without a network."""
