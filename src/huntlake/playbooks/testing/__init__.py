"""Playbooks tested beside their definitions: a world that is simulated, mocks, and what must come of a run."""
