"""What sets playbooks off: incidents, alerts and entities, requests, times, other services, and batches."""
