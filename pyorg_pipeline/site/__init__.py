"""HTTP to the site: the client, the parser of listings, and the crawl."""
