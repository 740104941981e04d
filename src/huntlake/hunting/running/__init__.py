"""Runs of approved hunts, what they found, and what stops them."""
