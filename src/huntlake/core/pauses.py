"""For a process that answers many at once: no thread waits long for what another does in Python."""

from __future__ import annotations

import gc
import sys

_SWITCH_SECONDS = 0.001
"""How long a thread may compute in Python while others wait to: of the default's 5 ms a small query would see many."""
_KEPT = 5


def shorten() -> None:
    """Have threads give way sooner, and the search for garbage pass over what is there to stay.

    A full search looks at all that lives, modules and catalogues too: a tenth of a second in which nobody is answered.
    What outlives one of the first is not looked at again. Later ones are left as they are: a ring of objects that
    ends after it was set aside would stay for good.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    left = _KEPT

    def outlived(phase: str, info: dict[str, int]) -> None:
        nonlocal left
        if phase == "stop" and info["generation"] == 2 and left:
            left -= 1
            gc.freeze()

    gc.callbacks.append(outlived)
