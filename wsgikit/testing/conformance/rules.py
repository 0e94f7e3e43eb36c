"""What holds in every case."""

from __future__ import annotations

from .violation import Rule

AS_AN_APP = Rule(
    "To the server a middleware is an app, of which it expects what PEP 3333 says.",
    'PEP 3333, "Middleware: Components that Play Both Sides"',
)
START = Rule(
    "Of each request the app hears once, and its status and all of its headers reach the server.",
    'PEP 3333, "Middleware: Components that Play Both Sides"',
)
CHUNKS = Rule(
    "The body is what the app made, chunk by chunk.",
    'PEP 3333, "Middleware Handling of Block Boundaries"',
)
CLOSE = Rule(
    "The iterable that the app returned is closed exactly once, however the request ends.",
    'PEP 3333, "Specification Details" on close()',
)
CONTEXT = Rule(
    "A request leaves the context variables as it found them: the server's thread goes on with "
    "another request.",
    'PEP 3333, "Thread Support", and PEP 567',
)
