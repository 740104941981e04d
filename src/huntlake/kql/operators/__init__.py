"""The query operators of KQL: one class each, from keyword to plan."""

from huntlake.kql.binding import Operator, SourceOperator
from huntlake.kql.operators.distinct import DistinctOperator
from huntlake.kql.operators.evaluate import EvaluateOperator
from huntlake.kql.operators.extend import ExtendOperator
from huntlake.kql.operators.facet import FacetOperator
from huntlake.kql.operators.find import FindOperator
from huntlake.kql.operators.fork import ForkOperator
from huntlake.kql.operators.join import JoinOperator, LookupOperator
from huntlake.kql.operators.macro_expand import MacroExpandOperator
from huntlake.kql.operators.make_series import MakeSeriesOperator
from huntlake.kql.operators.mv_apply import MvApplyOperator
from huntlake.kql.operators.mv_expand import MvExpandOperator
from huntlake.kql.operators.parse import ParseOperator, ParseWhereOperator
from huntlake.kql.operators.parse_kv import ParseKvOperator
from huntlake.kql.operators.partition import PartitionOperator
from huntlake.kql.operators.project import ProjectOperator
from huntlake.kql.operators.project_away import ProjectAwayOperator, ProjectKeepOperator
from huntlake.kql.operators.project_by_names import ProjectByNamesOperator
from huntlake.kql.operators.project_rename import ProjectRenameOperator
from huntlake.kql.operators.project_reorder import ProjectReorderOperator
from huntlake.kql.operators.reduce import ReduceOperator
from huntlake.kql.operators.render import RenderOperator
from huntlake.kql.operators.sample import SampleDistinctOperator, SampleOperator
from huntlake.kql.operators.scan import ScanOperator
from huntlake.kql.operators.search import SearchOperator
from huntlake.kql.operators.small import (
    AsOperator,
    AssertSchemaOperator,
    ConsumeOperator,
    GetSchemaOperator,
    InvokeOperator,
    SerializeOperator,
)
from huntlake.kql.operators.sort import SortOperator
from huntlake.kql.operators.sources import DataTableOperator, ExternalDataOperator, PrintOperator, RangeOperator
from huntlake.kql.operators.summarize import SummarizeOperator
from huntlake.kql.operators.take import CountOperator, TakeOperator
from huntlake.kql.operators.top import TopOperator
from huntlake.kql.operators.top_hitters import TopHittersOperator
from huntlake.kql.operators.top_nested import TopNestedOperator
from huntlake.kql.operators.union import UnionOperator
from huntlake.kql.operators.where import FilterOperator

OPERATORS: dict[str, type[Operator]] = {
    "as": AsOperator,
    "assert-schema": AssertSchemaOperator,
    "consume": ConsumeOperator,
    "count": CountOperator,
    "distinct": DistinctOperator,
    "evaluate": EvaluateOperator,
    "extend": ExtendOperator,
    "facet": FacetOperator,
    "filter": FilterOperator,
    "fork": ForkOperator,
    "getschema": GetSchemaOperator,
    "invoke": InvokeOperator,
    "join": JoinOperator,
    "limit": TakeOperator,
    "lookup": LookupOperator,
    "make-series": MakeSeriesOperator,
    "mv-apply": MvApplyOperator,
    "mv-expand": MvExpandOperator,
    "mvapply": MvApplyOperator,
    "mvexpand": MvExpandOperator,
    "order": SortOperator,
    "parse": ParseOperator,
    "parse-kv": ParseKvOperator,
    "parse-where": ParseWhereOperator,
    "partition": PartitionOperator,
    "project": ProjectOperator,
    "project-away": ProjectAwayOperator,
    "project-by-names": ProjectByNamesOperator,
    "project-keep": ProjectKeepOperator,
    "project-rename": ProjectRenameOperator,
    "project-reorder": ProjectReorderOperator,
    "reduce": ReduceOperator,
    "render": RenderOperator,
    "sample": SampleOperator,
    "sample-distinct": SampleDistinctOperator,
    "scan": ScanOperator,
    "search": SearchOperator,
    "serialize": SerializeOperator,
    "sort": SortOperator,
    "summarize": SummarizeOperator,
    "take": TakeOperator,
    "top": TopOperator,
    "top-hitters": TopHittersOperator,
    "top-nested": TopNestedOperator,
    "union": UnionOperator,
    "where": FilterOperator,
}
"""What may follow a `|`."""

SOURCES: dict[str, type[SourceOperator]] = {
    "datatable": DataTableOperator,
    "evaluate": EvaluateOperator,
    "externaldata": ExternalDataOperator,
    "external_data": ExternalDataOperator,
    "find": FindOperator,
    "macro-expand": MacroExpandOperator,
    "print": PrintOperator,
    "range": RangeOperator,
    "search": SearchOperator,
    "union": UnionOperator,
}
"""What may begin a query."""

REFUSED = frozenset(
    [
        "execute_and_cache",
        "graph-mark-components",
        "graph-match",
        "graph-merge",
        "graph-shortest-paths",
        "graph-to-table",
        "graph-where-edges",
        "graph-where-nodes",
        "make-graph",
        "partitionby",
        "__contextual-datatable",
    ]
)
"""What Kusto has besides."""
