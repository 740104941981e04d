"""How well hunting does on sets that people have labelled, which lie outside of this project."""
