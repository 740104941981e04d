"""Hunts brought to where people work."""
