"""The term index: beside each file, which terms each block of its rows may hold.

A sidecar `<file>.terms` lies next to its Parquet file, is as immutable as it, and goes with it. What is absent,
damaged or of another version excludes nothing: the index changes how much is read, never an answer.

| module | what |
|---|---|
| `terms` | what a term is; which terms a row must hold to match |
| `hashing` | the terms of many texts at once, as hashes |
| `fingerprints` | the terms of a file in few bytes, each with the blocks that hold it |
| `sidecar` | the file beside a file: written, read, checked |
| `building` | a Parquet file's sidecar |
| `shelf` | the terms of many files, asked together |
"""
