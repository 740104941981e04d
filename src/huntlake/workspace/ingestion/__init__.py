"""Logs into the tables of a workspace: what fits lands, what doesn't is kept aside, and both are counted."""

from huntlake.workspace.ingestion.service import Ingestion, IngestReport, Progress

__all__ = ["IngestReport", "Ingestion", "Progress"]
