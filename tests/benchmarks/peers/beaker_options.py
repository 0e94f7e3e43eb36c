"""Beaker's sessions in signed cookies.

Without the time of the last access, for which each request would sign the session a second time.
With JSON, because pickle, the default, lets whoever learns the key run code.
"""

from .secret import SECRET

OPTIONS = {
    "session.type": "cookie",
    "session.validate_key": SECRET,
    "session.data_serializer": "json",
    "session.save_accessed_time": False,
}
