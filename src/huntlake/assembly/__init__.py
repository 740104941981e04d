"""The services of each floor, put together out of settings and of one another."""
