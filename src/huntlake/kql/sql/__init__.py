"""Plan to SQL text, a dialect to each engine."""
