"""Defender's face: advanced hunting, machines, what is done to them, and alerts."""
