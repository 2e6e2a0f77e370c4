"""Text as it is compared: folded in Python, so that every database and every part of the program finds the same."""

import unicodedata


def fold(text: str) -> str:
    """The text without differences of case and of how accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
