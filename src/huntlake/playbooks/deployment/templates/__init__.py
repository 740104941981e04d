"""Templates of Azure Resource Manager: expressions, functions, and the resources that a template makes.

An expression is a text from `[` to `]`. It is read and evaluated as those of workflows are, with functions of its own.
"""
