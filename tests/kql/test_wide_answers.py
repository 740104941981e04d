"""Answers with more columns than anybody reads."""

from __future__ import annotations

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.kql import plan
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql
from huntlake.kql.types import Column, ScalarType


class Wide(NoTables):
    """A hundred tables, all empty, that share no column."""

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        return tuple(Column(f"{name}_{i}", ScalarType.STRING) for i in range(300))

    def table_names(self, workspace: str | None = None) -> list[str]:
        return [f"T{i}" for i in range(100)]


class Nothing:
    """No table has a row."""

    def columns(self, scan: object) -> frozenset[str]:
        return frozenset()

    def held(self, scan: object, needles: plan.Clause) -> frozenset[plan.Needle]:
        return frozenset()


def test_an_answer_of_too_many_columns_is_refused_at_once() -> None:
    with pytest.raises(SourceError, match="an answer of 30,001 columns is not supported"):
        compile_kql('search "x"', Wide())


def test_a_search_over_many_empty_tables_reads_none_of_them() -> None:
    compiled = compile_kql('search "x" | count', Wide())
    assert compiled.results[0].scans == ()


def test_an_answer_that_is_known_to_be_empty_names_no_column_to_the_engine() -> None:
    compiled = compile_kql('search in (T1, T2) "x"', Wide(), contents=Nothing())
    (result,) = compiled.results
    assert result.empty
    assert "T1_299" not in result.varying_sql({})
    assert "T1_299" in result.sql({})
    assert len(result.columns) == len(result.constants) == 601
