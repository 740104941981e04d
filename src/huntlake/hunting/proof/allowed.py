"""What queries of hunts may use: lists of what is allowed. What isn't on them is refused, also what KQL gets later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

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
from huntlake.kql.syntax import nodes

STATEMENTS: tuple[type[nodes.Node], ...] = (
    nodes.LetStatement,
    nodes.SetStatement,
    nodes.QueryParametersStatement,
    nodes.PatternStatement,
    nodes.ExpressionStatement,
    # The place that it names has to be allowed.
    nodes.AliasStatement,
)

OPTIONS = frozenset({"query_take_max_records", "truncationmaxrecords", "truncationmaxsize"})
"""Options of `set`, in lower case: those that make an answer smaller."""

OPERATORS: frozenset[type[nodes.QueryOperator]] = frozenset(
    {
        AsOperator,
        AssertSchemaOperator,
        ConsumeOperator,
        CountOperator,
        DataTableOperator,
        DistinctOperator,
        EvaluateOperator,
        ExtendOperator,
        FacetOperator,
        FilterOperator,
        FindOperator,
        ForkOperator,
        GetSchemaOperator,
        InvokeOperator,
        JoinOperator,
        LookupOperator,
        MacroExpandOperator,
        MakeSeriesOperator,
        MvApplyOperator,
        MvExpandOperator,
        ParseKvOperator,
        ParseOperator,
        ParseWhereOperator,
        PartitionOperator,
        PrintOperator,
        ProjectAwayOperator,
        ProjectByNamesOperator,
        ProjectKeepOperator,
        ProjectOperator,
        ProjectRenameOperator,
        ProjectReorderOperator,
        RangeOperator,
        ReduceOperator,
        RenderOperator,
        SampleDistinctOperator,
        SampleOperator,
        ScanOperator,
        SearchOperator,
        SerializeOperator,
        SortOperator,
        SummarizeOperator,
        TakeOperator,
        TopHittersOperator,
        TopNestedOperator,
        TopOperator,
        UnionOperator,
    }
)
OUTSIDE: frozenset[type[nodes.QueryOperator]] = frozenset({ExternalDataOperator})
"""Operators that read from outside of the lake: allowed for addresses that are."""

PLUGINS = frozenset(
    """
    active_users_count activity_counts_metrics activity_metrics autocluster bag_unpack basket dcount_intersect
    diffpatterns geo_line_lookup geo_polygon_lookup ipv4_lookup ipv6_lookup narrow new_activity_metrics pivot preview
    rolling_percentile rows_near schema_merge sequence_detect sliding_window_counts
    """.split()
)
"""Plugins that compute, and neither run code nor ask anybody."""

FORMS = frozenset(
    {"any", "anyif", "argmax", "argmin", "materialize", "percentiles", "percentilesw", "toscalar", "view"}
)
"""What is called as functions are, and is none: tables as values, several columns at once."""

PLACES = frozenset({"workspace", "database", "cluster", "app", "resource", "adx", "arg"})
"""What names a place outside of the workspace."""

TABLE_CALLS = frozenset({"table", "external_table"})
"""What gives a table of a name."""

NOT_REPEATABLE = frozenset({"new_guid", "rand"})

MOST_MADE = 1_000_000
"""Rows, or elements of an array, that a query may make out of nothing."""
LONGEST = 100_000
"""Characters of a query."""
LEAST_OF_PATTERN = 3
"""Characters beside `*` that a pattern for tables needs: one with fewer means all of them."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far hunts may reach beyond the tables of their workspace; by default not at all.

    `places` are patterns of `kind:name`, as in `workspace:soc-*` or `adx:https://help.kusto.windows.net/Samples`;
    `hosts` are those of `externaldata`, only by https.
    """

    places: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def has_place(self, kind: str, names: Sequence[str]) -> bool:
        """Whether a place may be named."""
        wanted = f"{kind}:{'/'.join(n.strip().rstrip('/') for n in names)}".lower()
        return any(fnmatchcase(wanted, pattern.lower()) for pattern in self.places)

    def has_address(self, address: str) -> bool:
        """Whether data may be fetched from an address."""
        try:
            parts = urlsplit(address.partition(";")[0].strip())
            host, port, user = parts.hostname, parts.port, parts.username
        except ValueError:
            return False
        if parts.scheme.lower() != "https" or not host or port not in (None, 443) or user is not None:
            return False
        return any(fnmatchcase(host.lower(), pattern.lower()) for pattern in self.hosts)
