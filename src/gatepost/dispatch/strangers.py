"""A request may carry messages of several workspaces, and its answer may quote it: what a provider says of a message
holds no number and no text of another workspace's. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gatepost.dispatch.store import Due
from gatepost.sms.msisdn import mask
from gatepost.sms.outcomes import Outcome
from gatepost.transport.driver import OUR_CAUSES

NUMBER: Final = re.compile(r"\d{7,}", re.ASCII)
BEGINNING: Final = 12
"""By so many characters a text is known, as an excerpt of an answer may break off within it."""
SHORT: Final = 4
"""A shorter text stands everywhere, and tells nothing."""


def kept_apart(items: Sequence[Due], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of the items, in their order, as each item's workspace may read them. Our own causes stay as they
    are, because it is decided by them."""
    whose = {item.workspace_id for item in items}
    if len(whose) < 2:
        return list(outcomes)
    own = {one: tuple({item.to for item in items if item.workspace_id == one}) for one in whose}
    theirs = {one: _beginnings([item for item in items if item.workspace_id != one]) for one in whose}
    known: dict[tuple[int, str], str] = {}

    def told(workspace_id: int, words: str) -> str:
        key = (workspace_id, words)
        if words and key not in known:
            known[key] = _told(words, own[workspace_id], theirs[workspace_id])
        return known.get(key, "")

    apart = []
    for item, outcome in zip(items, outcomes, strict=True):
        cause = outcome.cause if outcome.cause in OUR_CAUSES else told(item.workspace_id, outcome.cause)
        words = told(item.workspace_id, outcome.words)
        is_same = (words, cause) == (outcome.words, outcome.cause)
        apart.append(outcome if is_same else replace(outcome, words=words, cause=cause))
    return apart


def _beginnings(items: Sequence[Due]) -> set[str]:
    """Of the texts, as they are and as JSON writes them."""
    texts = {item.text for item in items if len(item.text) >= SHORT}
    written = texts | {json.dumps(text, ensure_ascii=is_ascii)[1:-1] for text in texts for is_ascii in (True, False)}
    return {text[:BEGINNING] for text in written}


def _told(words: str, own: Sequence[str], theirs: set[str]) -> str:
    begins = [at for text in theirs if (at := words.find(text)) >= 0]
    if begins:
        words = f"{words[: min(begins)]}…"
    return NUMBER.sub(lambda found: found[0] if any(to.endswith(found[0]) for to in own) else mask(found[0]), words)
