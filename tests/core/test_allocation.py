"""Arrays that come and go in a load don't ask the system for the same memory again and again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from huntlake.core.allocation import keep_freed

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        parts = [np.ones(40_000) for _ in range(20)]
        del parts
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
asked = faults()
assert keep_freed()
faults()
assert faults() < asked / 10, (faults(), asked)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory by rules of their own")
def test_memory_that_was_freed_is_taken_again_without_the_system() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
