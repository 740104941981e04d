"""What a text says that can be hunted for: indicators and techniques, each with the place that says so."""
