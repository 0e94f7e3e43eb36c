"""What a log must not hold of a URL: the values of parameters that are named like secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from .option_lists import list_of

SECRETS = frozenset(
    {
        "apikey",
        "auth",
        "authorization",
        "code",
        "credential",
        "jwt",
        "key",
        "otp",
        "pass",
        "passcode",
        "passphrase",
        "passwd",
        "password",
        "pin",
        "pwd",
        "samlresponse",
        "secret",
        "sessid",
        "session",
        "sid",
        "sig",
        "signature",
        "ticket",
        "token",
    }
)
"""Names whose values are secrets as a rule."""

_LONG = 5  # letters; shorter ones are in too many words that are no secrets
_SEPARATOR = re.compile("([&;])")
_NESTED_SEPARATOR = re.compile("[?&;#]")
_ENCODED_AGAIN = re.compile("%(?:25)+")
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_END_OF_PATH = re.compile("[?#]")
_USER = re.compile("//[^/?#]*@")
_HIDDEN = "***"
_NOTHING = "(?!)"


class Redaction:
    """Hides the values of parameters in a query.

    :param names: what parameters are named, whatever their case. Five letters and more count in
        any place: ``token`` stands for ``access_token``, ``user[token]`` and ``mytokens`` too.
        Fewer count as a whole word: ``key`` for ``apiKey`` and ``api-key``, not for ``keyword``.
    :raises ConfigurationError: it is no list of texts.

    A value that has such a parameter in it, as a URL may, is hidden as a whole, however often it
    is encoded. What a path holds, or a value in a format of its own, such as JSON, is not known.
    """

    def __init__(self, names: Iterable[str]) -> None:
        lower = {name.lower() for name in list_of("names", names, "token")}
        self._words = {name for name in lower if len(name) < _LONG}
        self._parts = re.compile("|".join(map(re.escape, lower - self._words)) or _NOTHING)

    def query(self, query: str) -> str:
        """``a=1&token=2`` becomes ``a=1&token=***``."""
        return "".join(map(self._parameter, _SEPARATOR.split(query)))

    def url(self, url: str) -> str:
        """The same for query and fragment of a URL, which loses a password before its host too."""
        end = _END_OF_PATH.search(url)
        length = end.end() if end is not None else len(url)
        return _USER.sub(f"//{_HIDDEN}@", url[:length]) + self.query(url[length:])

    def _parameter(self, text: str) -> str:
        name, is_set, value = text.partition("=")
        name_sent = _decoded(name)
        if self._holds_secret(name_sent):  # a whole URL, or its query, without a name
            return _HIDDEN
        if is_set and (self._is_secret(name_sent) or self._holds_secret(_decoded(value))):
            return f"{name}={_HIDDEN}"
        return text

    def _holds_secret(self, text: str) -> bool:
        if "=" not in text:
            return False
        parameters = (part.partition("=") for part in _NESTED_SEPARATOR.split(text))
        return any(is_set and self._is_secret(name) for name, is_set, _ in parameters)

    def _is_secret(self, name: str) -> bool:
        lower = name.lower()
        if lower in self._words or self._parts.search(lower):
            return True
        return any(word.lower() in self._words for word in _WORD.findall(name))


def _decoded(text: str) -> str:
    """Decoded however often it was encoded, in one pass: a client may have done so any often."""
    return unquote(_ENCODED_AGAIN.sub("%", text)) if "%" in text else text
