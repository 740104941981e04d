"""`python -m huntlake`: the command `huntlake`, where it isn't on the path."""

from __future__ import annotations

from huntlake.cli import main

if __name__ == "__main__":
    main()
