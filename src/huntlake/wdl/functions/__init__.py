"""The functions of the language, a module to each family of its reference."""

from huntlake.wdl.expressions.symbols import listed
from huntlake.wdl.functions import collections, conversion, dates, logic, numbers, objects, strings, uris, workflow

FUNCTIONS = listed(collections, conversion, dates, logic, numbers, objects, strings, uris, workflow)
"""Every function, by each of its names in lower case: the language doesn't tell cases apart."""
