"""Threat intelligence: indicators brought in from files and feeds, as tables, and looked for in the lake.

`patterns` reads what an indicator looks for, `stix` and `lists` read files of them, `tables` shows them to queries,
`matching` looks for them, `alerts` tells what was seen, `feeds` polls TAXII servers, and `service` is the whole.
"""
