"""A language model behind one protocol: what it may be asked, what leaves for it, and what is kept of that."""
