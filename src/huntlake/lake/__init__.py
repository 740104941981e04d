"""Delta tables on disk: append, snapshot, prune, scan.

One folder per workspace and table, `<root>/<workspace>/<table>/`, partitioned by day of `TimeGenerated`.
Any Delta reader may read them. The lake knows nothing of KQL: a column has a `Form`.

| module | what |
|---|---|
| `names` | names that are safe as folders |
| `forms` | how a value lies in a file, and how text becomes one |
| `store` | `Lake`: tables by workspace and name |
| `table` | `LakeTable`: columns, snapshot, append |
| `metadata` | what the log says of a table as a whole |
| `files` | what it says of each file |
| `durability` | what the disk is told to keep of it |
| `snapshot` | the files that may hold an answer |
| `scanning` | the SQL that reads a snapshot |
| `index` | beside each file, which terms each block of its rows may hold |
| `paths` | hot paths into JSON, kept in columns beside it |
| `writing` | rows into Parquet files, with their statistics |
| `sources` | the files that people bring: which format, which bytes |
| `batches` | what a file holds, read batch by batch |
| `inference` | the forms of fields that nobody has declared |
| `conversion` | batches into rows of the right forms |
| `index` | the term index beside each file |
| `maintenance` | compaction, retention, vacuum, verification |
| `loading` | all of it: files into one table, and what didn't fit |
| `log` | what streams have brought, until a commit holds it |
| `staging` | rows of streams: lines into columns in memory, and these into files |
"""

from huntlake.lake.store import Lake

__all__ = ["Lake"]
