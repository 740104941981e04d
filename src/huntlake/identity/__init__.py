"""Who may do what: principals and their rights, signing keys, tokens, and the server's certificate."""
