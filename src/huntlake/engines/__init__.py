"""The engines that run SQL: DuckDB, inside this process."""
