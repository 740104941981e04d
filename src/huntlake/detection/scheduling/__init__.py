"""The scheduler: which windows of which rules are due, and that each is looked at once and none is missed."""
