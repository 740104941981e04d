"""Analytic rules, alerts, incidents, entities, bookmarks, indicators: what is detected, and what people make of it."""
