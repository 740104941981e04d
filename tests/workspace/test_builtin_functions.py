"""Functions that every workspace has: each file is one, and is read no sooner than it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from huntlake.core.errors import Invalid
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import check_function
from huntlake.workspace.builtin_functions import BuiltinFunctions


@pytest.mark.parametrize("name", BuiltinFunctions().names())
def test_every_file_is_a_function(name: str) -> None:
    found = BuiltinFunctions().find(name)
    assert found is not None
    assert found.description, "says nothing of what it gives"
    check_function(name, found.text, NoTables(), names=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "Twice.kql").write_text("// Twice as much.\n// Always.\n\nTwice(x:long) {\n    x * 2\n}\n")
    return tmp_path


def test_a_function_is_found_by_its_files_name(folder: Path) -> None:
    functions = BuiltinFunctions(folder)
    assert functions.names() == ("Twice",)
    found = functions.find("Twice")
    assert found is not None
    assert (found.description, found.parameters) == ("Twice as much.\nAlways.", "x:long")
    assert functions.find("twice") is None
    assert functions.text("any", "../sub/Twice") is None


def test_a_caret_picture_shows_the_line_of_the_file(folder: Path) -> None:
    found = BuiltinFunctions(folder).find("Twice")
    assert found is not None
    line = found.text[: found.text.index("x * 2")].count("\n") + 1
    assert line == 5
    assert len(found.text) == len((folder / "sub" / "Twice.kql").read_text())


@pytest.mark.parametrize(
    "text", ["", "// only words\n", "Other() { print 1 }", "let Bad = () { print 1 }", "{ print 1 }"]
)
def test_a_file_of_another_form_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "Bad.kql").write_text(text)
    with pytest.raises(Invalid, match="Bad"):
        BuiltinFunctions(tmp_path).find("Bad")


def test_two_files_of_one_name_are_an_error(folder: Path) -> None:
    (folder / "Twice.kql").write_text("Twice() { 2 }")
    with pytest.raises(Invalid, match="two files"):
        BuiltinFunctions(folder).names()
