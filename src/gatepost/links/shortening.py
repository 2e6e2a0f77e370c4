"""Shortening the links of a text: found, replaced by a code of the recipient's own, kept with the message.

    shortener = services.shortener_for(workspace, campaign_id=7, gateway="")
    text = shortener.write("See https://acme.example/offers/2026/11", contact.pk)    # before segments are counted
    shortener.keep({contact.pk})                                                     # in the message's transaction

A text that is only previewed is written the same way and not kept: every code has the same length. Messages that belong
to no campaign have their links shortened where they are accepted (`shortened`), and stored with them.
"""

import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit

from gatepost.links import store

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CODE_LENGTH: Final = 9
"""53 bits: nobody finds a recipient's link by trying, and the chance that two are the same is nothing."""
CODE: Final = re.compile(f"[0-9A-Za-z]{{{CODE_LENGTH}}}")
PATH: Final = "/s/"
LONGEST_URL: Final = 2000

_LINK: Final = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"`{}|\\^]+", re.IGNORECASE)
_AFTER: Final = ".,;:!?'’”»…)]"
"""What follows a link in a sentence and is not part of it."""
_KEPT: Final = "%/:?#[]@!$&'()*+,;=~-._"

Codes = tuple[tuple[str, str], ...]
"""Each code with the address that it leads to."""


@dataclass(slots=True)
class Shortener:
    """Shortens what one sending writes. `base`: the address before the path, without a slash at its end."""

    workspace_id: int
    campaign_id: int
    base: str
    _new: list[store.New] = field(default_factory=list)

    def write(self, text: str, contact_id: int) -> str:
        """The text with each link shortened; the same link twice in a text has one code. `contact_id` 0: a test."""
        codes: dict[str, str] = {}

        def code_of(target: str, _: str) -> str:
            if target not in codes:
                codes[target] = new_code()
                self._new.append((codes[target], target, contact_id))
            return codes[target]

        return _rewritten(text, self.base, code_of)

    def keep(self, contacts: Collection[int] = (0,)) -> None:
        """Keep the codes that were written for these contacts, in the caller's transaction, and forget the others."""
        wanted = frozenset(contacts)
        kept = [one for one in self._new if one[2] in wanted]
        self._new.clear()
        if kept:
            store.insert(self.workspace_id, self.campaign_id, kept)

    def forget(self) -> None:
        """Nothing of what was written is sent."""
        self._new.clear()


def shortened(text: str, base: str) -> tuple[str, Codes]:
    """The text of a single message with its links shortened, and the code of each with its address.

    A link that would not become shorter stays as it is: this is about the length alone. `base` as for Shortener.
    """
    codes: dict[str, str] = {}
    length = len(base) + len(PATH) + CODE_LENGTH

    def code_of(target: str, url: str) -> str | None:
        if len(url) <= length:
            return None
        if target not in codes:
            codes[target] = new_code()
        return codes[target]

    written = _rewritten(text, base, code_of)
    return written, tuple((code, target) for target, code in codes.items())


def new_code() -> str:
    """A code that nobody can guess."""
    number = secrets.randbits(128)
    letters = []
    for _ in range(CODE_LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


@lru_cache(maxsize=1024)
def target_of(url: str) -> str | None:
    """The address as a browser is sent to it, in ASCII; None for what is no address of the web."""
    target = quote(url, safe=_KEPT)
    try:
        parts = urlsplit(target)
        is_ours = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and len(target) <= LONGEST_URL
    except ValueError:
        return None
    return f"{parts.scheme.lower()}{target[len(parts.scheme) :]}" if is_ours else None


def _rewritten(text: str, base: str, code_of: Callable[[str, str], str | None]) -> str:
    """The text with each link for which there is a code as a short one; `code_of` gets its address and what stands in
    the text. Our own short links stay."""

    def short(found: re.Match[str]) -> str:
        url, rest = _cut(found[0])
        target = target_of(url)
        code = None if target is None or url.startswith(f"{base}{PATH}") else code_of(target, url)
        return found[0] if code is None else f"{base}{PATH}{code}{rest}"

    return _LINK.sub(short, text)


def _cut(written: str) -> tuple[str, str]:
    """The link, and the punctuation of the sentence after it; a bracket that the link opens belongs to it."""
    url = written
    while url and url[-1] in _AFTER:
        opened = {")": "(", "]": "["}.get(url[-1])
        if opened and url.count(opened) >= url.count(url[-1]):
            break
        url = url[:-1]
    return url, written[len(url) :]
