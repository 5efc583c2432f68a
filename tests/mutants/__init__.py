"""Mutants of the law: small faults put into the code that decides what may happen to a database, which tests must notice."""
