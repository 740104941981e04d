"""Keeping tables in good order. Every change is an ordinary Delta commit; what runs meanwhile isn't disturbed.

| module | what |
|---|---|
| `lock` | one process at a time keeps a table |
| `compaction` | many small files into few that are well sized and in the order of time |
| `overlaps` | files of a day that hold the same times |
| `retention` | days that are too old, taken away |
| `vacuum` | files that the table no longer has, deleted |
| `indexing` | sidecars that are missing or damaged, built anew; or deleted, where a table has no index |
| `verification` | whether log, files, statistics and index agree |
| `statistics` | what there is |
"""
