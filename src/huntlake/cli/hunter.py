"""Who hunts at the command line: whoever can write to the folder is its owner, and is a person."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huntlake.hunting.lifecycle.acting import Acting


def acting() -> Acting:
    """The person at the command line."""
    from huntlake.hunting.lifecycle.acting import Acting
    from huntlake.state.records import Author

    return Acting.person(Author(name=user()), hunts=True, approves=True, leads=True)


def user() -> str:
    """The user of the operating system, by the process, and not by what the environment says: four eyes are four, and
    whose they are is in the audit.
    """
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return getpass.getuser()  # Windows, or a container in which the user has no name
