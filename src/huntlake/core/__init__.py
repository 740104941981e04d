"""What every floor stands on: text positions and diagnostics, the clock, errors, settings."""
