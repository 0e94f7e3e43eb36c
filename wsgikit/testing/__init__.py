"""A WebTest client that knows the pipeline. Needs the extra ``testing``."""

from .client import TestApp as TestApp
