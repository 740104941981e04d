"""Folders of evidence into a workspace: what each file is, is found by what is in it.

`formats.FORMATS` lists how files are written, `kinds.KINDS` what their records are; both in the order in which they are
asked. A new kind is a function that claims a record and one that makes rows of it, and a line in that list.
"""
