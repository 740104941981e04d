"""OData's `$filter`, `$orderby` and their kin, over values in memory and over the tables of a lake."""
