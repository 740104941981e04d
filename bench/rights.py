"""The matrix of tokens, roles and workspaces: how many combinations are tried, and how many give what they must."""

from __future__ import annotations

import re
import subprocess
import sys

from bench import figures

TESTS = ("tests/api/test_authorization.py", "tests/api/test_lake.py")


def main() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *TESTS],
        capture_output=True,
        text=True,
        check=False,
    )
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    tried = sum(counts.values())
    wrong = tried - counts.get("passed", 0)
    unit = f"of {tried} combinations of token, role and workspace gave what they must not"
    figures.write("main-job.7", wrong, unit, "0", tried > 0 and wrong == 0, by="make bench")


if __name__ == "__main__":
    main()
