"""DuckDB: one database in this process, locked down, a cursor for each query.

`database` opens it and runs SQL, `execution` is one running query, `wire` writes rows as Kusto's JSON,
`sources` says which files a scan reads, `frames` takes tables from memory, `udf` holds the functions
that SQL can't say.
"""
