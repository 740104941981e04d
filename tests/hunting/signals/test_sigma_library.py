"""Rules of Sigma as they are brought and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from huntlake.core.errors import Invalid, NotFound
from huntlake.hunting.sigma_hunts import sigma_hunt
from huntlake.hunting.sigma_library import SigmaLibrary

from .conftest import NOW

RULE = """title: {title}
id: 00000000-0000-0000-0000-00000000000{n}
status: {status}
logsource: {{product: windows, category: process_creation}}
detection: {{selection: {{CommandLine|contains: comsvcs}}, condition: selection}}
tags: [attack.t1003.001]
"""


def write(folder: Path, n: int, status: str = "test", place: str = "rules") -> None:
    (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / place / f"{n}.yml").write_text(RULE.format(title=f"Rule {n}", n=n, status=status))


def test_rules_are_copied_with_their_terms_and_the_commit_they_come_from(tmp_path: Path) -> None:
    source, commit = tmp_path / "sigma", "0123456789" * 4
    write(source, 1)
    write(source, 2, "deprecated")
    write(source, 3, place="unsupported")
    (source / "rules" / "broken.yml").write_text("{[")
    (source / "rules" / "other.yml").write_text("name: no rule")
    (source / "LICENSE").write_text("Terms of a test")
    (source / ".git" / "refs" / "heads").mkdir(parents=True)
    (source / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (source / ".git" / "refs" / "heads" / "main").write_text(commit + "\n")
    library = SigmaLibrary(tmp_path / "home")
    assert (library.status(), library.rules(), library.candidates()) == (None, (), ())
    status = library.install(source, NOW)
    assert (status.rules, status.commit, status.notice) == (1, commit, "Terms of a test")
    assert sorted(status.left_out.values()) == [1, 1, 2]
    assert library.status() == status
    assert [one.name for one in library.rules()] == ["rules/1.yml"]
    assert [one.title for one in library.candidates()] == ["Rule 1"]


def test_another_import_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    write(tmp_path / "b", 2)
    library = SigmaLibrary(tmp_path / "home")
    library.install(tmp_path / "a", NOW)
    assert [one.title for one in library.candidates()] == ["Rule 1"]
    library.install(tmp_path / "b", NOW)
    assert [one.title for one in library.candidates()] == ["Rule 2"]


def test_a_folder_without_a_rule_is_refused_and_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    library = SigmaLibrary(tmp_path / "home")
    library.install(tmp_path / "a", NOW)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid):
        library.install(tmp_path / "empty", NOW)
    with pytest.raises(NotFound):
        library.install(tmp_path / "nowhere", NOW)
    assert len(library.rules()) == 1


def test_what_a_checkout_says_of_its_head_leads_nowhere_else(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    (tmp_path / "secret").write_text("f" * 40)
    (tmp_path / "a" / ".git").mkdir()
    (tmp_path / "a" / ".git" / "HEAD").write_text("ref: refs/../../../secret\n")
    assert SigmaLibrary(tmp_path / "home").install(tmp_path / "a", NOW).commit == ""


def test_a_rule_that_its_aliases_make_endless_is_read_in_little_time() -> None:
    levels = [f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    text = "\n".join(["title: Many", "logsource: {product: windows, category: process_creation}", "detection:",
                      "  l0: &l0 [evil]", *levels])  # fmt: skip
    found = sigma_hunt(text, "many.yml")
    assert found is not None
    assert "evil" in found.searched
