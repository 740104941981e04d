"""An open, self-hosted security data lake: logs in, KQL out."""
