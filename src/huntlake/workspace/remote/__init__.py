"""Workspaces whose tables live elsewhere, behind an endpoint that answers KQL.

- `records`: what is kept of a remote workspace, its secret sealed; `endpoints`: what a URL says of it
- `tokens` and `transport`: signing in, and polite HTTP; any other client of the same endpoint may use them
- `kusto`, `loganalytics`, `hunting`: one module for each protocol; `values`: their rows, as Arrow
- `schemas`: the tables that are there, read now and then
- `service`: what queries ask; `tables` and `subqueries`: the parts of a local query that are answered elsewhere
"""
