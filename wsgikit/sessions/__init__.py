"""Sessions: the mapping behind ``session``, its cookie, and the stores that it may live in."""

from .codec import Codec as Codec
from .codec import Unsealed as Unsealed
from .conflicts import merge_lists as merge_lists
from .memory_store import MemoryStore as MemoryStore
from .read_only import ReadOnlySession as ReadOnlySession
from .readers import CookieReader as CookieReader
from .session import Session as Session
from .session import StoredSession as StoredSession
from .signed_codec import SignedCodec as SignedCodec
from .store import Change as Change
from .store import Owner as Owner
from .store import Record as Record
from .store import SessionGone as SessionGone
from .store import SessionStore as SessionStore
from .values import tagged_json as tagged_json
