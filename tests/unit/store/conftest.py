"""The fixtures of a store."""

from stores import draft, finish, results, selected, store

__all__ = ["draft", "finish", "results", "selected", "store"]
