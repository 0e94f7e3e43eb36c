"""Session values as JSON texts: what JSON has no type for is written with a tag."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from markupsafe import Markup

from ..errors import ConfigurationError
from .value_fault import FAULTS, MAX_DEPTH, ValueFault, check_depth, refuse

T = TypeVar("T")

_SCALARS: dict[type, Callable[[Any], str]] = {
    str: encode_basestring_ascii,
    int: int.__repr__,
    float: json.dumps,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
}
"""The types that JSON has, and what writes a value of each."""
_BUILTIN = {*_SCALARS, list, dict}
_PLAIN = json.JSONDecoder()


class _Tag(NamedTuple):
    name: str
    dump: Callable[[Any], Any]


class TaggedJSON:
    """Writes values as JSON, and reads them as they were: ``{"$date":"2024-02-29"}`` is a date.

    Besides JSON's own types it knows ``datetime``, ``date``, ``UUID``, ``Decimal``, ``tuple``,
    ``set``, ``frozenset``, ``bytes``, ``Markup``, and dicts whose keys are any of these. The same
    value always gives the same text. Of a subclass it writes the nearest base that it knows, and
    of a time zone the offset.
    """

    def __init__(self) -> None:
        self._tags: dict[type, _Tag] = {}
        self._decoder = json.JSONDecoder(object_hook=self._untag)
        self._load: dict[str, Callable[[Any], Any]] = {"dict": dict}
        self.register("datetime", datetime, datetime.isoformat, datetime.fromisoformat)
        self.register("date", date, date.isoformat, date.fromisoformat)
        self.register("uuid", UUID, str, UUID)
        self.register("decimal", Decimal, str, Decimal)
        self.register("tuple", tuple, list, tuple)
        self.register("set", set, list, set)
        self.register("frozenset", frozenset, list, frozenset)
        self.register("bytes", bytes, _dump_bytes, _load_bytes)
        self.register("markup", Markup, str, Markup)

    def register(
        self, tag: str, cls: type[T], dump: Callable[[T], Any], load: Callable[[Any], T]
    ) -> None:
        """Let sessions hold values of ``cls``, in every process that reads them.

        :param tag: stands in the text, so it must stay the same as long as sessions live.
        :param dump: makes a value of known types of it.
        :param load: makes it of that value again.
        :raises ConfigurationError: the tag is another class's, or the class has another tag or
            needs none.
        """
        if cls in _BUILTIN:
            raise ConfigurationError(f"{cls.__name__} needs no tag: JSON has it.")
        known = self._tags.get(cls)
        if known.name != tag if known is not None else tag in self._load:
            raise ConfigurationError(
                f"The tag {tag!r} for {cls.__name__} is taken, or {cls.__name__} has another one."
                "\n\nRegister each class once, with a tag of its own."
            )
        self._tags[cls] = _Tag(tag, dump)
        self._load[tag] = load

    def dumps(self, value: object) -> str:
        """Return the JSON text of ``value``: ASCII, and no spaces.

        :raises SessionValueError: names what in it has an unknown type, or is nested too deeply.
        """
        try:
            return self.write(value)
        except FAULTS as fault:
            refuse("value", fault)

    def write(self, value: Any, depth: int = MAX_DEPTH) -> str:
        """Do as ``dumps`` does, and leave it to the caller to say what cannot be written."""
        check_depth(depth)
        for cls in type(value).__mro__:
            if cls in _SCALARS:
                return _SCALARS[cls](value)
            if cls is list:
                return f"[{','.join(self._items(value, depth))}]"
            if cls is dict:
                return self._write_dict(value, depth)
            if cls in self._tags:
                return self._write_tagged(cls, value, depth)
        raise ValueFault.of_type(type(value).__name__)

    def loads(self, text: str) -> Any:
        """Return the value of a text.

        :raises ValueError: it is no text of ``dumps``, or has a tag that is not registered here.
        """
        try:
            decoder = self._decoder if "$" in text else _PLAIN
            text = text.strip(" \t\n\r")
            value, end = decoder.raw_decode(text)  # decode() spends half of its time on spaces
            return value if end == len(text) else decoder.decode(text)
        except Exception as error:  # a type's own function may raise anything for a wrong value
            raise ValueError(f"This is no text of a session: {error}") from error

    def _items(self, values: Iterable[Any], depth: int) -> list[str]:
        check_depth(depth)
        return [self._item(step, value, depth) for step, value in enumerate(values)]

    def _item(self, step: object, value: Any, depth: int) -> str:
        if depth > 1 and type(value) in _SCALARS:
            return _SCALARS[type(value)](value)
        try:
            return self.write(value, depth - 1)
        except ValueFault as fault:
            fault.steps.append(step)
            raise

    def _write_dict(self, value: dict[Any, Any], depth: int) -> str:
        keys = [self._item(key, key, depth) for key in value]
        items = [self._item(key, item, depth) for key, item in value.items()]
        if not all(key[0] == '"' for key in keys) or (len(keys) == 1 and keys[0][:2] == '"$'):
            # Keys that JSON would turn into texts, or a dict that would be taken for a tag.
            pairs = [f"[{key},{item}]" for key, item in zip(keys, items, strict=True)]
            return f'{{"$dict":[{",".join(pairs)}]}}'
        return f"{{{','.join(map(':'.join, zip(keys, items, strict=True)))}}}"

    def _write_tagged(self, cls: type, value: Any, depth: int) -> str:
        name, dump = self._tags[cls]
        if cls in (set, frozenset):  # their order differs from process to process
            text = f"[{','.join(sorted(self._items(dump(value), depth - 1)))}]"
        else:
            text = self.write(dump(value), depth - 1)
        return f"{{{encode_basestring_ascii('$' + name)}:{text}}}"

    def _untag(self, value: dict[str, Any]) -> Any:
        name = next(iter(value)) if len(value) == 1 else ""
        if name[:1] != "$":
            return value
        if name[1:] not in self._load:
            raise ValueError(f"no type is registered for the tag {name[1:]!r}")
        return self._load[name[1:]](value[name])


def _dump_bytes(value: bytes) -> str:
    return b64encode(value).decode()


def _load_bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


tagged_json = TaggedJSON()
"""The registry that every session uses. Register types where the app is made, before requests."""


def dump_values(values: Mapping[str, object]) -> dict[str, str]:
    """Return the JSON text of each value of a session.

    :raises SessionValueError: as ``dumps`` does, and it names the session's key.
    """
    texts = {}
    try:
        for key, value in values.items():
            write = _SCALARS.get(type(value))
            texts[key] = tagged_json.write(value) if write is None else write(value)
    except FAULTS as fault:
        refuse(f"session[{key!r}]", fault)
    return texts


def join_values(texts: Mapping[str, str]) -> str:
    """Return the JSON text of the dict whose values have these texts."""
    pairs = [f"{encode_basestring_ascii(key)}:{text}" for key, text in texts.items()]
    if len(pairs) == 1 and pairs[0][:2] == '"$':
        ((key, text),) = texts.items()
        return f'{{"$dict":[[{encode_basestring_ascii(key)},{text}]]}}'
    return "{" + ",".join(pairs) + "}"
