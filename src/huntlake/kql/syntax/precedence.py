"""The operators of expressions: which there are, and how tightly they bind."""

_STRING_OPERATORS = [
    "has",
    "!has",
    "has_cs",
    "!has_cs",
    "hasprefix",
    "!hasprefix",
    "hasprefix_cs",
    "!hasprefix_cs",
    "hassuffix",
    "!hassuffix",
    "hassuffix_cs",
    "!hassuffix_cs",
    "contains",
    "!contains",
    "contains_cs",
    "!contains_cs",
    "startswith",
    "!startswith",
    "startswith_cs",
    "!startswith_cs",
    "endswith",
    "!endswith",
    "endswith_cs",
    "!endswith_cs",
    "like",
    "!like",
    "like_cs",
    "notlike",
    "notlikecs",
    "notcontains",
    "notcontains_cs",
    "containscs",
    "matches",
]
LIST_OPERATORS = ["in", "!in", "in~", "!in~", "has_any", "!has_any", "has_all", "!has_all"]
POWER = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(["==", "!=", "<>", "=~", "!~", "between", "!between", *LIST_OPERATORS], 3),
    **dict.fromkeys(["<", ">", "<=", ">="], 4),
    **dict.fromkeys(["+", "-"], 5),
    **dict.fromkeys(["*", "/", "%"], 6),
    **dict.fromkeys([*_STRING_OPERATORS, ":"], 7),
}
"""How tightly an operator binds what stands around it."""
SPELLINGS = {
    "<>": "!=",
    "matches": "matches regex",
    "notcontains": "!contains",
    "notcontains_cs": "!contains_cs",
    "containscs": "contains_cs",
    ":": "has",
}
"""Operators that have two names, and the one that the functions have."""
