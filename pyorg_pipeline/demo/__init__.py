"""The demonstration, and the replica of the site that it runs on."""
