"""XML as the language has it: documents, their form in JSON, and XPath 1.0.

No entity is resolved, nothing is fetched.
"""
