"""What a log must not hold of a URL: the values of parameters that are named like secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_plus

from .errors import ConfigurationError

SECRETS = frozenset(
    {
        "accesstoken",
        "apikey",
        "auth",
        "authorization",
        "authtoken",
        "code",
        "credential",
        "credentials",
        "csrfmiddlewaretoken",
        "jsessionid",
        "jwt",
        "key",
        "newpassword",
        "otp",
        "pass",
        "passcode",
        "passphrase",
        "passwd",
        "password",
        "phpsessid",
        "pin",
        "pwd",
        "samlresponse",
        "secret",
        "session",
        "sessionid",
        "sid",
        "sig",
        "signature",
        "ticket",
        "token",
    }
)
"""Names, and words of names, whose values are secrets as a rule."""

_SEPARATOR = re.compile("([&;])")
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_USER = re.compile("//[^/?#]*@")
_HIDDEN = "***"


class Redaction:
    """Hides the values of parameters in a query.

    :param names: whole names of parameters or words of them, whatever their case: ``token`` stands
        for ``access_token``, ``accessToken`` and ``user[token]`` too.
    :raises ConfigurationError: it is a text instead of several.
    """

    def __init__(self, names: Iterable[str]) -> None:
        if isinstance(names, str):
            raise ConfigurationError(f"{names!r} is no list of names.\n\nWrite [{names!r}].")
        self._names = frozenset(name.lower() for name in names)

    def query(self, query: str) -> str:
        """``a=1&token=2`` becomes ``a=1&token=***``."""
        return "".join(map(self._parameter, _SEPARATOR.split(query)))

    def url(self, url: str) -> str:
        """The same for the query of a URL, which loses a password before its host too."""
        place, mark, query = url.partition("?")
        return _USER.sub(f"//{_HIDDEN}@", place) + mark + self.query(query)

    def _parameter(self, text: str) -> str:
        name, is_set, _ = text.partition("=")
        return f"{name}={_HIDDEN}" if is_set and self._is_secret(unquote_plus(name)) else text

    def _is_secret(self, name: str) -> bool:
        words = {word.lower() for word in _WORD.findall(name)}
        return name.lower() in self._names or not words.isdisjoint(self._names)
