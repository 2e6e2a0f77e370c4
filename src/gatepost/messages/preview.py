"""What a message would be if it were sent as it stands: its size, what makes it long, and the way it would go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gatepost.messages.accept import accept
from gatepost.messages.wishes import Denied, Snapshot, Taken, Wish
from gatepost.sms.text import Costly, InvalidText, Measure, Saving, measure, saving, transliterate

SENDER_REASONS: Final[Mapping[str, str]] = {
    "own": "as you chose",
    "workspace": "the workspace's default",
    "gateway": "the gateway's own",
    "installation": "the installation's default",
    "provider": "chosen by the provider",
    "fallback": "the gateway's fallback, because the provider refused the first one",
}
"""Why a message has its sender ID, by what accepting wrote down."""

UNFINISHED: Final = frozenset({"number_empty", "text_empty", "number_too_short", "number_no_country"})
"""Nothing to complain of while somebody is still writing."""

SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Preview:
    """`text`: as it would be sent, `short_links` in it. `size` None: it cannot be sent at all. `trouble`: why the
    message would be refused now."""

    text: str
    size: Measure | None
    saving: Saving | None = None
    gateway: str = ""
    sender: str = ""
    sender_reason: str = ""
    trouble: Denied | None = None
    short_links: int = 0

    @property
    def foreign(self) -> tuple[Costly, ...]:
        """The characters for which the text travels as Unicode."""
        return tuple(costly for costly in self._costly if costly.effect == "forces_ucs2")

    @property
    def double(self) -> tuple[Costly, ...]:
        """The characters that count twice."""
        return tuple(costly for costly in self._costly if costly.effect == "two_septets")

    @property
    def replaceable(self) -> bool:
        """Whether there is anything to replace."""
        return any(costly.replacement is not None for costly in self.foreign)

    @property
    def _costly(self) -> tuple[Costly, ...]:
        return self.size.costly if self.size else ()


def preview(wish: Wish, snapshot: Snapshot) -> Preview:
    """The wish as it would be taken now."""
    try:
        size, saved = measure(wish.text), saving(wish.text)
    except InvalidText as invalid:
        return Preview(wish.text, None, trouble=Denied(invalid.code, invalid.sentence, invalid.remedy, "text"))
    found = accept([wish], snapshot)[0]
    if isinstance(found, Taken):
        if found.text != wish.text:
            size, saved = measure(found.text), saving(found.text)
        way = snapshot.gateways[found.gateway_id].name
        reason = SENDER_REASONS[found.sender_reason]
        return Preview(found.text, size, saved, way, found.sender, reason, short_links=len(found.links))
    return Preview(wish.text, size, saved, trouble=None if found.code in UNFINISHED else found)


def replaced(text: str, which: str) -> str:
    """The text with one character replaced by what is offered for it, or with `all` of them.

    `which`: `all`, or the character's code point in hexadecimal. What is not offered changes nothing. Raises
    InvalidText for a text that cannot be sent.
    """
    if which == "all":
        return transliterate(text)
    offered = {f"{ord(costly.character):x}": costly for costly in measure(text).costly}
    found = offered.get(which)
    return text if found is None or found.replacement is None else text.replace(found.character, found.replacement)
