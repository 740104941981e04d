"""Queries that run by themselves, and whose rows land in a table: KQL jobs and summary rules, each window once."""
