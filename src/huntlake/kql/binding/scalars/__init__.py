"""Expressions to typed scalars."""

from huntlake.kql.binding.scalars.contextual import SCOPED
from huntlake.kql.binding.scalars.expressions import ScalarBinder, Tuple

__all__ = ["SCOPED", "ScalarBinder", "Tuple"]
