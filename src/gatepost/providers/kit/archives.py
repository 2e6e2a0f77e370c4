"""Reading ZIP archives that a provider answers with."""

import io
import lzma
import zipfile
import zlib

from gatepost.providers.base import MalformedAnswer

# What the decompressors raise, each in its own words.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError),
    *(ValueError, NotImplementedError, RuntimeError, EOFError),
)
MAX_BYTES = 8 * 1024 * 1024


def unzip_one(body: bytes, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of the only file, however large the archive says it is. Anything else is a MalformedAnswer."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            [name] = archive.namelist()
            with archive.open(name) as file:
                content = file.read(max_bytes + 1)
    except UNREADABLE:
        raise MalformedAnswer("the answer is not a ZIP archive with one file") from None
    if len(content) > max_bytes:
        raise MalformedAnswer("the file in the archive is too large")
    return content
