"""Syntax tree to plan: every name found, every type known."""

from huntlake.kql.binding.binder import Binder, MissingTable, Operator, Probe, Result, SourceOperator
from huntlake.kql.binding.language import Language
from huntlake.kql.binding.schema import NoTables, Schema, TableCall

__all__ = [
    "Binder",
    "Language",
    "MissingTable",
    "NoTables",
    "Operator",
    "Probe",
    "Result",
    "Schema",
    "SourceOperator",
    "TableCall",
]
