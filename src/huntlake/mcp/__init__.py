"""The face for AI clients: tools of the Model Context Protocol, which read and never write.

`tools.py` declares them, `reading.py` answers within its budgets, `face.py` and `stdio.py` carry them.
"""
