"""Hunts from their draft to their end: states, versions, approvals."""
