"""`huntlake version`."""

from __future__ import annotations


def version() -> None:
    """Show the versions of the parts."""
    import platform
    from importlib.metadata import version as installed

    print(f"huntlake {installed('huntlake')}")
    print(f"python {platform.python_version()}, duckdb {installed('duckdb')}, deltalake {installed('deltalake')}")
