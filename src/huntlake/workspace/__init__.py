"""A Log Analytics workspace: its tables, ingestion into them, and queries over them."""
