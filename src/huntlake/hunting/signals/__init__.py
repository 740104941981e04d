"""What a hunt may follow: reports, indicators, incidents, changes, anomalies."""
