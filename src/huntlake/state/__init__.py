"""Small durable documents with ETags, in one database: a SQLite file, or Postgres."""
