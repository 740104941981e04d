"""What the language has from .NET: how numbers, dates and time zones are read and written."""
