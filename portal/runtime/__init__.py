"""The one-command run: PostgreSQL and Redis of our own where none are named, and a supervisor over all.

Knows no app of the product: it starts processes, waits for them and stops them.
"""
