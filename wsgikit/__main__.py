"""``python -m wsgikit`` is the command ``wsgikit``."""

from .cli import main

main()
