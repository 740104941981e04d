"""The Log Analytics face: queries over workspaces, as Azure Monitor's query API answers them.

https://learn.microsoft.com/azure/azure-monitor/logs/api/overview
"""
