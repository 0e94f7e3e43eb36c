"""Sessions: the mapping behind ``session``, its cookie, and the stores that it may live in."""

from typing import TYPE_CHECKING, Any

from .codec import Codec as Codec
from .codec import Unsealed as Unsealed
from .conflicts import merge_lists as merge_lists
from .encrypted_codec import EncryptedCodec as EncryptedCodec
from .memory_store import MemoryStore as MemoryStore
from .read_only import ReadOnlySession as ReadOnlySession
from .readers import CookieReader as CookieReader
from .session import Session as Session
from .signed_codec import SignedCodec as SignedCodec
from .store import Change as Change
from .store import Owner as Owner
from .store import Record as Record
from .store import SessionGone as SessionGone
from .store import SessionStore as SessionStore
from .store import key_of as key_of
from .store_url import EXTRAS as _EXTRAS
from .store_url import import_store as _import_store
from .store_url import make_store as make_store
from .stored_session import StoredSession as StoredSession
from .values import TaggedJSON as TaggedJSON
from .values import tagged_json as tagged_json

if TYPE_CHECKING:
    from .redis_store import RedisStore as RedisStore
    from .sql_store import SQLStore as SQLStore


def __getattr__(name: str) -> Any:
    """Import a store that needs a library when it is first asked for."""
    if name in _EXTRAS:
        return _import_store(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
