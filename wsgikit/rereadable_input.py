"""A request body that two can read: a hook in the chain, and the app inside it; and then none."""

from __future__ import annotations

import io
from tempfile import SpooledTemporaryFile
from typing import IO

_IN_MEMORY = 500_000  # bytes, as werkzeug keeps form parts; more goes to a temporary file


class _Recorder:
    """Reads the body once, as far as somebody asked, and keeps what it read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._kept = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by close()
        self._length = 0

    def read(self, start: int, size: int) -> bytes:
        if start == self._length:
            self._kept.seek(start)
            self._length += self._kept.write(self._source.read(size))
        self._kept.seek(start)
        return self._kept.read(size)

    def close(self) -> None:
        self._kept.close()


class _Reader(io.RawIOBase):
    """One reader's place in the body."""

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._recorder.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._recorder.close()
        super().close()


class EndedInput(io.RawIOBase):
    """Stands for the body of a request that is over, for a thread that comes late."""

    def read(self, size: int = -1) -> bytes:
        raise RuntimeError(
            "The body of this request was not read before the request ended.\n\nRead it, by "
            "request.get_data() or request.form, before the request is handed to a thread."
        )


def reread(source: IO[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Return two files that each give the whole of ``source``, whoever reads first.

    Nothing is read before one of them is. Closing either ends both.
    """
    recorder = _Recorder(source)
    ours, theirs = _Reader(recorder), _Reader(recorder)
    return io.BufferedReader(ours), io.BufferedReader(theirs)
