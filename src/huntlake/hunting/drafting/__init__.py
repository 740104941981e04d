"""Queries for a hypothesis, and what they say in words."""
