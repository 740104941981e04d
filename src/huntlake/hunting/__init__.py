"""Hunts: hypotheses, the queries and bookmarks that speak for or against them, and what came of it."""
