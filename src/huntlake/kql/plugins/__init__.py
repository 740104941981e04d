"""The plugins of `evaluate`: each makes a table of a table, its columns perhaps known only from the data."""

from collections.abc import Callable, Mapping

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.plugins.activity import (
    active_users_count,
    activity_counts_metrics,
    activity_metrics,
    new_activity_metrics,
    sliding_window_counts,
)
from huntlake.kql.plugins.bag_unpack import bag_unpack
from huntlake.kql.plugins.dcount_intersect import dcount_intersect
from huntlake.kql.plugins.geo_lookup import geo_line_lookup, geo_polygon_lookup
from huntlake.kql.plugins.ip_lookup import ipv4_lookup, ipv6_lookup
from huntlake.kql.plugins.mining import autocluster, basket, diffpatterns
from huntlake.kql.plugins.narrow import narrow
from huntlake.kql.plugins.pivot import pivot
from huntlake.kql.plugins.preview import preview
from huntlake.kql.plugins.rolling_percentile import rolling_percentile
from huntlake.kql.plugins.rows_near import rows_near
from huntlake.kql.plugins.schema_merge import schema_merge
from huntlake.kql.plugins.sequence_detect import sequence_detect
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column

Plugin = Callable[[plan.Relation, nodes.FunctionCall, tuple[Column, ...] | None, bool, Binder], plan.Relation]
"""Takes the table, the call, the declared output columns with or without `*`, and the binder."""

PLUGINS: Mapping[str, Plugin] = {
    "active_users_count": active_users_count,
    "activity_counts_metrics": activity_counts_metrics,
    "activity_metrics": activity_metrics,
    "autocluster": autocluster,
    "bag_unpack": bag_unpack,
    "basket": basket,
    "dcount_intersect": dcount_intersect,
    "diffpatterns": diffpatterns,
    "geo_line_lookup": geo_line_lookup,
    "geo_polygon_lookup": geo_polygon_lookup,
    "ipv4_lookup": ipv4_lookup,
    "ipv6_lookup": ipv6_lookup,
    "narrow": narrow,
    "new_activity_metrics": new_activity_metrics,
    "pivot": pivot,
    "preview": preview,
    "rolling_percentile": rolling_percentile,
    "rows_near": rows_near,
    "schema_merge": schema_merge,
    "sequence_detect": sequence_detect,
    "sliding_window_counts": sliding_window_counts,
}

REFUSED = frozenset(
    [
        "activity_engagement",
        "ai_chat_completion",
        "ai_chat_completion_prompt",
        "ai_embed_text",
        "ai_embeddings",
        "azure_digital_twins_query_request",
        "cosmosdb_sql_request",
        "csharp",
        "dax_request",
        "diffpatterns_text",
        "estimate_rows_count",
        "execute_query",
        "execute_show_command",
        "external_datatable",
        "funnel_sequence",
        "funnel_sequence_completion",
        "http_request",
        "http_request_post",
        "identity",
        "identity_v3",
        "infer_storage_schema",
        "infer_storage_schema_with_suggestions",
        "mysql_request",
        "postgresql_request",
        "python",
        "r",
        "session_count",
        "sql_request",
    ]
)
"""What Kusto has besides."""
