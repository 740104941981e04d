"""Runs: from a trigger to an end, one step after the other, and what they did to the world through `Effects` alone.

A run is deterministic: with the same definition, trigger, clock and answers it makes the same calls in the same order
with the same keys. A host that keeps the answers can therefore bring a run that was cut off to where it was.
"""
