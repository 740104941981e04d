"""The Kusto face: the query API of the lake, which is also that of an Azure Data Explorer cluster.

https://learn.microsoft.com/kusto/api/rest/
"""
