"""What is found out about a query before a person is asked to read it."""
