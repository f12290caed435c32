"""The catalog's Parquet tables: location, schemas, atomic writing, reading and queries."""
