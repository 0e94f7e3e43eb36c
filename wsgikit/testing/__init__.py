"""What tests need: a WebTest client that knows the pipeline, and a battery for any middleware.

Needs the extra ``testing``.
"""

from .client import TestApp as TestApp
