"""The ledger: an append-only history of evidence records and decisions, each entry bound to the one before by hash.

`entries` says what is kept, `schema` and `database` keep it, `since` and `history` read it.
"""
