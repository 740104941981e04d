"""Management commands: what a text that begins with a dot does.

One declaration for each, listed in `COMMANDS`: its syntax, the right that it needs, the columns of its answer.
<https://learn.microsoft.com/kusto/management/>
"""

from huntlake.workspace.commands.answer import CommandTable
from huntlake.workspace.commands.context import Caller, Member
from huntlake.workspace.commands.declaration import Need
from huntlake.workspace.commands.refused import REFUSED
from huntlake.workspace.commands.service import COMMANDS, Commands

__all__ = ["COMMANDS", "REFUSED", "Caller", "CommandTable", "Commands", "Member", "Need"]
