"""What the documents promise: they say what the code says, their links lead somewhere, their programs run."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROGRAM = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.S | re.M)


def test_generated_pages_are_what_the_code_says() -> None:
    command = [sys.executable, "-m", "tools.documents", "--check"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "getting-started.md"], ids=lambda p: p.name)
def test_the_programs_in_the_documents_run(page: Path) -> None:
    programs = PROGRAM.findall(page.read_text(encoding="utf-8"))
    assert programs
    for program, shown in programs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, page.name, "exec"), {})
        assert printed.getvalue() == shown


def test_the_newcomers_program_has_five_lines() -> None:
    program, _ = PROGRAM.findall((ROOT / "README.md").read_text(encoding="utf-8"))[0]
    assert len(program.rstrip().splitlines()) <= 5


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)
    broken = [link for link in links if not (page.parent / link).exists()]
    assert not broken
