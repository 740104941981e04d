"""Measurements: each module measures one thing and writes its figures; `python -m bench` runs them all."""
