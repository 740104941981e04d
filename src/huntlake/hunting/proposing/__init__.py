"""From signals to hunts that wait for a person: hypotheses, queries, proofs, one after the other."""
