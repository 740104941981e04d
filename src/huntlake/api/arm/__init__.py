"""Azure Resource Manager's face: one declaration for each type of resource (`resources.py` lists them)."""
