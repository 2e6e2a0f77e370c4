"""Answers of `key=value` lines, joined by line breaks or by `<br>`."""

import re

from gatepost.providers.kit.answers import to_text
from gatepost.providers.wire import Response

_BREAK = re.compile(r"(?:<br\s*/?>|\r|\n)+", re.IGNORECASE)


def read_lines(response: Response, charset: str = "utf-8") -> dict[str, str]:
    """The values by their keys in lower case; lines without a key are left out."""
    found = {}
    for line in _BREAK.split(to_text(response, charset)):
        key, separator, value = line.partition("=")
        if separator and key.strip():
            found[key.strip().lower()] = value.strip()
    return found
