"""The rules of Sigma: how many are converted, understood, and run over tables without rows.

`make evidence` says how many of those that fire on a recorded attack fire on its import.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import figures
from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import SystemClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.detection.content import Content, ContentKind, contents
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.workspaces import Workspace

RULES = Path(__file__).resolve().parents[2] / "shared" / "rules" / "sigma"
SUPPORTED = 85.0


def main() -> None:
    if not RULES.is_dir():
        print("no rules of Sigma are in ../shared/rules")
        return
    workspace = Workspace("empty", "00000000-0000-0000-0000-000000000000")
    good = total = 0
    refused, broken = Counter[str](), list[str]()
    with TemporaryDirectory() as home:
        lake = Analytics.over(Path(home), Bounds(threads=1), Nowhere(), SystemClock())
        try:
            for one in contents(RULES):
                total += 1
                if not isinstance(one, Content) or one.kind is not ContentKind.SIGMA_RULE:
                    refused[str(one.reason).splitlines()[0] if not isinstance(one, Content) else one.kind] += 1
                    continue
                try:
                    for table in lake.queries.run(workspace, one.query).tables:
                        for _ in table.json_rows():
                            pass
                except (SourceError, DomainError) as error:
                    broken.append(f"{one.path.relative_to(RULES)}: {error}")
                else:
                    good += 1
        finally:
            lake.close()
    for reason, count in refused.most_common():
        print(f"{count:4} {reason}")
    for line in broken:
        print(f"BROKEN {line}")
    share = 100 * good / total
    unit = f"% of {total} rules convert, are understood and run over empty tables; {sum(refused.values())} are refused"
    met = share >= SUPPORTED and not broken
    figures.write("detection.7", share, unit, f">= {SUPPORTED:g}", met, by="python -m bench sigma")


if __name__ == "__main__":
    main()
