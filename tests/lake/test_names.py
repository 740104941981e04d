import pytest

from huntlake.core.errors import Invalid
from huntlake.lake.names import table_folder, workspace_folder


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\\b", "../etc", "a..b", "-x", "a\x00", "a\n", "x" * 129, "é"])
def test_a_workspace_never_leaves_the_root(name: str) -> None:
    with pytest.raises(Invalid):
        workspace_folder(name)


@pytest.mark.parametrize("name", ["..", "", "a.b", "a-b", "1a", "a b", "a/b", "T\n"])
def test_a_table_never_leaves_its_workspace(name: str) -> None:
    with pytest.raises(Invalid):
        table_folder(name)


def test_ordinary_names_stay_as_they_are() -> None:
    assert workspace_folder("soc-2.eu") == "soc-2.eu"
    assert table_folder("My_Table_CL") == "My_Table_CL"
