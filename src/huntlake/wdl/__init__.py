"""The language of Logic Apps' workflow definitions: expressions, functions, definitions, and a runner.

`expressions` reads and evaluates, `functions` holds what may be called, `definition` reads a workflow's JSON, `actions`
says what each kind of action does, and `runner` brings a run from its trigger to its end. Nothing here knows a file,
a network or a clock of its own: what a run does to the world goes through the runner's `Effects`.
"""
