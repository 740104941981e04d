"""Questions in plain words as queries, without a model: what was said, which columns it speaks of, and the KQL."""
