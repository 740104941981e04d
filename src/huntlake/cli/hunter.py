"""Who hunts at the command line: whoever can write to the folder is its owner, and is a person."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huntlake.hunting.lifecycle.acting import Acting


def acting() -> Acting:
    """The person at the command line."""
    from huntlake.hunting.lifecycle.acting import Acting
    from huntlake.state.records import Author

    return Acting.person(Author(name=getpass.getuser()), hunts=True, approves=True, leads=True)
