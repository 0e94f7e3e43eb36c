"""What clients send as the body of a request."""

from __future__ import annotations

import io


class Upload(io.BytesIO):
    """A body that counts how often it was read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().readline(size)


class Broken(io.RawIOBase):
    """A body of which nothing can be read, because the client is gone.

    :param error: what each attempt raises.
    """

    def __init__(self, error: OSError) -> None:
        self.error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        raise self.error


class Zeros(io.RawIOBase):
    """A body of ``length`` bytes that nobody has in memory."""

    def __init__(self, length: int) -> None:
        self.left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        size = min(len(buffer), self.left)
        buffer[:size] = bytes(size)
        self.left -= size
        return size
