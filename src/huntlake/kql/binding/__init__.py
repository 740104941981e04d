"""Syntax tree to plan: every name found, every type known."""

from huntlake.kql.binding.binder import Binder, MissingTable, Operator, Probe, Result, Schema, SourceOperator
from huntlake.kql.binding.language import Language

__all__ = ["Binder", "Language", "MissingTable", "Operator", "Probe", "Result", "Schema", "SourceOperator"]
