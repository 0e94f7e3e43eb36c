"""Bottle without a session."""

from .bottle_beaker_peer import hello_app as hello

__all__ = ["hello"]
