"""Deployment: from templates, definitions and folders of Logic Apps Standard to the workflows and connections here.

`lenient_json` reads the files, `templates` evaluates those of Azure Resource Manager, `sources` tells what a file or a
folder holds and makes a `Plan` of it, `preflight` says what a workflow will need, and `service` carries plans out.
"""
