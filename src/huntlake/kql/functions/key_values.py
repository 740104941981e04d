"""What `parse-kv` is made of; no query can name these."""

from __future__ import annotations

from huntlake.kql.symbols import Dynamic, String, scalar


@scalar("* parse-kv")
def delimited(text: String, rules: String) -> Dynamic:
    """The values of some keys, as a bag; the rules are JSON, and say what stands between them."""
    return f"hl_parse_kv({text}, {rules})::JSON"


@scalar("* parse-kv key")
def paired(pairs: Dynamic, key: String) -> String:
    """The value of a key in an array of pairs, that of the first where there are several."""
    items = f"json_extract({pairs}, '$[*]')"
    first = f"""list_filter({items}, lambda "~p": trim(json_extract_string("~p", '$[0]')) = {key})[1]"""
    return f"coalesce(trim(json_extract_string({first}, '$[1]')), '')"
