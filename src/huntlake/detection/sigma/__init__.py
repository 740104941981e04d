"""Rules of Sigma as analytic rules: pySigma reads them, and what they say is written as KQL.

`sources` knows where the events of a log source are, `conditions` writes what is asked of them, `rules` makes the rule.
"""
