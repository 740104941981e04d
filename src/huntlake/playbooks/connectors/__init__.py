"""What a playbook's actions may call: each connector is declared once, in a file of its own.

A connector is a name that connections refer to, the operations that a workflow may ask of it, and the triggers that it
offers. What an operation does is a function of what was asked; everything it needs besides is given when the connector
is built.
"""
