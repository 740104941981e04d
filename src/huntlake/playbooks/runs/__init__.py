"""Runs of workflows: started once for each occasion, kept alive through whatever happens, and remembered."""
