"""Fifty hostile queries at once: what they cost the other callers, and how each of them ends."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from bench import figures
from bench.http import NotAnswered, Place, fill, serving, token

BY = "python -m bench hostile"
CALLERS = 50
ROWS = 200_000
SMALL = "Events_CL | where Number >= 1000 | take 100"
CAP_MIB, ENGINE_MIB = 3072, 1024
"""What the server may take in all, and what of it the engine."""
SECONDS = 2
"""Each hostile query's time limit."""
_QUIET_SECONDS, _BETWEEN_SECONDS = 8.0, 0.02
_DOUBLE = 2
_LIMITS = {"LimitsExceeded", "GatewayTimeout"}

_CROSS = "Events_CL | extend k = 1 | join kind=inner (Events_CL | extend k = 1) on k"

HOSTILE = {
    "cross join": f"{_CROSS} | where strcat(Name0, Name11) has 'no' | count",
    "cross join, sorted": f"{_CROSS} | sort by Name0, Number",
    "cross join of cross joins": f"let A = ({_CROSS}); A | join kind=inner A on k | summarize max(Number + Number1)",
    "cross join, grouped": f"{_CROSS} | summarize count() by Number, Number1 | count",
    "cross join, its rows": _CROSS,
    "range": "range i from 1 to 1000000000 step 1 | summarize sum(hash(tostring(i)))",
    "range, sorted": "range i from 1 to 1000000000 step 1 | extend t = strcat('x', i) | sort by t | where t has 'no'",
    "range, a group each": "range i from 1 to 1000000000 step 1 | summarize count() by tostring(i) | count",
    "regex": "range i from 1 to 100000000 step 1 | where strcat(strrep('a', 200), i) matches regex '(a+)+$' | count",
    "regex, extracted": (
        "range i from 1 to 10000000 step 1 | extend s = strrep('a', 500 + i % 9)"
        " | extend all = extract_all(@'((a|aa)+)((a|aa)+)((a|aa)+)b?', s) | summarize dcount(tostring(all))"
    ),
    "mv-expand": (
        "range i from 1 to 1000 step 1 | extend a = range(1, 1000000, 1) | mv-expand a to typeof(long)"
        " | summarize sum(a * i) by a"
    ),
    "mv-expand of mv-expand": (
        "print a = range(1, 100000, 1) | mv-expand b = a | mv-expand c = a | summarize dcount(strcat(b, c))"
    ),
    "make_list": "range i from 1 to 1000000000 step 1 | summarize make_list(strcat('element ', i), 1000000000)",
    "make_set": f"{_CROSS} | summarize make_set(strcat(Number, Number1), 1000000000)",
    "materialize": (
        f"let A = materialize({_CROSS}); let B = materialize(A | extend s = strcat(Name0, Name11));"
        " let C = materialize(B | join kind=inner B on k); union C, (C | extend z = 1) | summarize count() by s"
    ),
    "strings": "range i from 1 to 100000000 step 1 | extend s = strrep(tostring(i), 999) | summarize dcount(s), max(s)",
    "window": (
        "range i from 1 to 500000000 step 1 | sort by hash(i) | extend p = prev(i), n = row_number() | summarize sum(p)"
    ),
}
"""What one person may ask by mistake, and another on purpose."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="huntlake-hostile-") as folder:
        home = Path(folder) / "home"
        workspace, principals = fill(home, rows=ROWS, principals=2)
        # Every query is to be tried: none is turned away because its principal asks too many.
        settings = {
            "MEMORY_LIMIT": f"{ENGINE_MIB}MiB",
            "PROCESS_MEMORY_MIB": str(CAP_MIB),
            "SPILL_LIMIT": "1GB",
            "QUERIES_PER_PRINCIPAL": "0",
        }
        with serving(home, {f"HUNTLAKE_{name}": value for name, value in settings.items()}) as (process, port):
            authority = home / "tls" / "ca.pem"
            many, few = (
                Place(process, port, authority, token(authority, port, *one), workspace.database) for one in principals
            )
            _measure(many, few)


def _measure(many: Place, few: Place) -> None:
    _small(few, time.perf_counter() + 2)
    quiet = _p95(_small(few, time.perf_counter() + _QUIET_SECONDS)[0])
    over = Event()
    with ThreadPoolExecutor(CALLERS + 1) as pool:
        texts = [*HOSTILE.items()]
        ends = [pool.submit(_hostile, many, *texts[n % len(texts)]) for n in range(CALLERS)]
        small = pool.submit(_small, few, time.perf_counter() + 300, over)
        ended = [end.result() for end in ends]
        over.set()
        taken, failed = small.result()
        busy = _p95(taken)
    peak = few.memory("VmHWM") / (1 << 20)
    for (name, how), times in sorted(Counter(ended).items()):
        print(f"  {name}: {how} ({times})")
    limited = sum(how in _LIMITS for _, how in ended)
    _, still = _small(few, time.perf_counter() + 0.5)
    if still:
        raise SystemExit("the server answers no more when the hostile queries are over")
    factor = busy / quiet
    what = f"times the p95 of small queries ({quiet * 1000:.0f} ms) while another principal asks {CALLERS} hostile ones"
    figures.write("clients.6", factor, what, f"≤ {_DOUBLE}", factor <= _DOUBLE, by=BY)
    what = f"MiB at the peak of {CALLERS} hostile queries, the whole server"
    figures.write("clients.6b", peak, what, f"≤ {CAP_MIB}", peak <= CAP_MIB, by=BY)
    what = f"of {CALLERS} hostile queries end with a limit's error"
    figures.write("clients.6c", limited, what, f"{CALLERS}", limited == CALLERS, by=BY)
    share = 100 * failed / (len(taken) + failed)
    figures.write("clients.6d", share, "% of the small queries fail meanwhile", "0", not failed, by=BY)


def _small(place: Place, until: float, over: Event | None = None) -> tuple[list[float], int]:
    """The seconds that each small query took, and how many were not answered."""
    connection, failed = place.connection(), 0
    taken: list[float] = []
    while time.perf_counter() < until and not (over and over.is_set()):
        try:
            taken.append(place.ask(connection, SMALL)[1])
        except NotAnswered:
            failed += 1
        time.sleep(_BETWEEN_SECONDS)
    return taken, failed


def _p95(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def _hostile(place: Place, name: str, text: str) -> tuple[str, str]:
    """How a query ends: the code of its error, or that it is answered."""
    options = {"Options": {"servertimeout": f"00:00:{SECONDS:02d}"}}
    body = json.dumps({"csl": text, "db": place.database, "properties": options})
    connection = place.connection()
    try:
        connection.request("POST", "/v2/rest/query", body, {"Authorization": f"Bearer {place.token}"})
        answer = connection.getresponse()
        said = answer.read()
    except OSError as error:
        return name, f"no answer: {error}"
    if answer.status != 200:
        problem = json.loads(said)["error"]
        code = problem["code"]
        return name, code if code in _LIMITS else f"{code}: {problem.get('@message', '')[:300]}"
    # Rows were sent before the limit was met: the last frame tells of it.
    last = json.loads(said)[-1]
    errors = [one["error"]["code"] for one in last.get("OneApiErrors", ())]
    return name, errors[0] if errors else "answered"


if __name__ == "__main__":
    main()
