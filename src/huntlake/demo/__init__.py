"""The demo company: two weeks of a fictional company's security logs, with one attack laid through them.

`generator.generate` makes the tables, `install.install` puts them into a workspace. Everything is drawn from one
seed, so that the same seed and the same end give the same bytes on every machine.
"""
