"""Workflow definitions: their JSON as frozen values, and what is wrong with it at its place."""
