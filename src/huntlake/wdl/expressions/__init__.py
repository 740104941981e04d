"""Expressions: `@f(x)?['y']` alone in a string, or `@{…}` within one. Text in, tree out, value out."""
