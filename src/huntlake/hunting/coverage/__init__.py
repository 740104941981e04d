"""What can be seen here, what is hunted, and what is looked for already."""
