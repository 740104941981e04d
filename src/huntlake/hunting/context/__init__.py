"""What is known here that helps with a hunt: tables, kept queries, incidents, assets, ranges, notes; how tables go
together.
"""
