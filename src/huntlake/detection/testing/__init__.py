"""Tests beside rules: events in, expected alerts, entities and incidents out."""
