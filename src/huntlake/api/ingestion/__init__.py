"""The Logs Ingestion API: records through data collection rules, as Azure Monitor takes them."""
