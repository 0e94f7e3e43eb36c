"""Sessions: the mapping behind ``session``, and the signed cookie that it lives in."""

from .cookie import SessionCookie as SessionCookie
from .read_only import ReadOnlySession as ReadOnlySession
from .session import Session as Session
from .session import StoredSession as StoredSession
