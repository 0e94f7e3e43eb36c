"""What tests need: a WebTest client that knows the pipeline, and a battery for any middleware.

``TestApp`` needs the extra ``testing``; ``wsgikit.testing.conformance`` needs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import TestApp as TestApp


def __getattr__(name: str) -> Any:
    if name != "TestApp":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .client import TestApp  # here, because the conformance kit works without WebTest

    return TestApp
