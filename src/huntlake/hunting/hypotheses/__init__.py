"""What could have happened, and how urgent it is to look."""
