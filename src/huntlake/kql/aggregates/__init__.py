"""The aggregate functions of KQL."""

from huntlake.kql.aggregates import basic, collections, sketches, statistics
from huntlake.kql.symbols import listed

AGGREGATES = listed(basic, collections, sketches, statistics)
"""Every aggregate function, by each of its names."""

KNOWN = frozenset(
    [
        "any",
        "anyif",
        "arg_max",
        "arg_min",
        "argmax",
        "argmin",
        "avg",
        "avgif",
        "binary_all_and",
        "binary_all_or",
        "binary_all_xor",
        "buildschema",
        "cnt",
        "count",
        "count_distinct",
        "count_distinctif",
        "countif",
        "covariance",
        "covarianceif",
        "covariancep",
        "covariancepif",
        "dcount",
        "dcountif",
        "hll",
        "hll_if",
        "hll_merge",
        "make_bag",
        "make_bag_if",
        "make_dictionary",
        "make_list",
        "make_list_if",
        "make_list_with_nulls",
        "make_set",
        "make_set_if",
        "makelist",
        "makeset",
        "max",
        "maxif",
        "merge_tdigest",
        "min",
        "minif",
        "passthrough",
        "percentile",
        "percentiles",
        "percentiles_array",
        "percentilesw",
        "percentilesw_array",
        "percentilew",
        "stdev",
        "stdevif",
        "stdevp",
        "sum",
        "sumif",
        "take_any",
        "take_anyif",
        "tdigest",
        "tdigest_merge",
        "variance",
        "varianceif",
        "variancep",
        "variancepif",
    ]
)
"""The names of all aggregate functions that Kusto has."""

REFUSED = KNOWN - AGGREGATES.keys() - {"percentiles", "percentilesw", "argmax", "argmin", "anyif"}
"""What Kusto has besides."""
