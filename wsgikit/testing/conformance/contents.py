"""What a request may have as its body, by its media type."""

from __future__ import annotations

from dataclasses import dataclass

_BOUNDARY = b"----a-line-between-parts"


@dataclass(frozen=True)
class Content:
    """A body that is what its Content-Type says."""

    type: str
    body: bytes

    def __str__(self) -> str:
        return self.type.partition(";")[0]


BYTES = Content(
    "application/octet-stream",
    b"first line\nsecond line\nthe rest" + bytes(range(256)) * 100,
)
FORM = Content("application/x-www-form-urlencoded", b"name=caf%C3%A9&text=two%0D%0Alines")
MULTIPART = Content(
    f"multipart/form-data; boundary={_BOUNDARY.decode()}",
    b"\r\n".join(
        [
            b"--" + _BOUNDARY,
            b'Content-Disposition: form-data; name="name"',
            b"",
            "caf\xe9".encode(),
            b"--" + _BOUNDARY,
            b'Content-Disposition: form-data; name="upload"; filename="bytes"',
            b"Content-Type: application/octet-stream",
            b"",
            BYTES.body,
            b"--" + _BOUNDARY + b"--",
            b"",
        ]
    ),
)
JSON = Content("application/json", b'{"name": "caf\\u00e9",\n "text": "two\\r\\nlines"}')
