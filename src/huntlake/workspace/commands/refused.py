"""Commands that Kusto has and we have not, by the words that they begin with."""

from __future__ import annotations

_WORDS = """
add|alter async|alter cluster|alter column|alter columns|alter continuous-export|alter database|alter databases
alter entity_group|alter extent|alter extents|alter external|alter materialized-view|alter merge
alter query_acceleration|alter tables|alter workload_group|alter-merge cluster|alter-merge database
alter-merge entity_group|alter-merge extent|alter-merge extents|alter-merge materialized-view
alter-merge workload_group|append async|attach|cancel operation|clear async|clear cluster|clear database
clear materialized-view|clear remote-schema|clear workload_group|create async|create database|create entity_group
create external|create ingestion|create materialized-view|create-merge database|create-or-alter continuous-export
create-or-alter entity_group|create-or-alter external|create-or-alter graph_model|create-or-alter ingestion
create-or-alter materialized-view|create-or-alter workload_group|delete|detach|disable
drop async|drop cluster|drop column|drop columns|drop continuous-export|drop database|drop empty|drop entity_group
drop extent|drop extents|drop external|drop follower|drop graph_model|drop graph_snapshot|drop ingestion
drop materialized-view|drop stored_query_result|drop stored_query_results|drop unrestricted|drop workload_group|enable
execute|export|get|grant|ingest async|ingest into|list|load|make|merge|move|patch|purge|rebuild|rename|replace|run
save|set access|set async|set continuous-export|set external|set-or-append async|set-or-replace async|show basic_auth
show cache|show callouts|show certificate|show column|show commands-and-queries|show continuous-export
show continuous-exports|show data|show diagnostics|show entity_group|show entity_groups|show export|show extents
show external|show fabric|show follower|show freshness|show graph_model|show graph_models|show graph_snapshots
show ingestion|show journal|show materialized-view|show materialized-views|show memory|show operation|show plugins
show policy|show query|show queryexecution|show request_support|show rowstore|show rowstores
show storage|show stored_query_result|show stored_query_results|show streamingingestion|show workload_group
show workload_groups|store|undo|unlock
"""

REFUSED = tuple(f".{words}" for words in _WORDS.strip().replace("\n", "|").split("|"))
