"""The steps in which a model may have a say: what it is asked, and what code makes sure of before a word is taken.

- `own_names`: what a workspace's own is, and never seen by a model
- `advice`: what a step gives: a value, or why there is none, said to people
- `technique_choice`, `reasoning`, `query_writing`, `prose`, `triage`: the steps

Each goes on without a model, and says so.
"""
