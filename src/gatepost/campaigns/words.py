"""How a campaign stands, in the words that people filter by (product.md, "Campaign status")."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from django.db.models import Q

from gatepost.campaigns.models import Campaign
from gatepost.sms.states import WORDS, State, Word

Status = Campaign.Status


class CampaignWord(StrEnum):
    """Every campaign has exactly one."""

    NEW = "New"
    PROCESSING = "Processing"
    SENT = "Sent"
    WITH_ERROR = "Sent with error"
    CANCELLED = "Cancelled"
    REMOVED = "Removed"


_OF: Final = {
    Status.DRAFT: CampaignWord.NEW,
    Status.UNDO: CampaignWord.NEW,
    Status.SCHEDULED: CampaignWord.NEW,
    Status.EXPANDING: CampaignWord.PROCESSING,
    Status.SENDING: CampaignWord.PROCESSING,
    Status.PAUSED: CampaignWord.PROCESSING,
    Status.SENT: CampaignWord.SENT,
    Status.CANCELLED: CampaignWord.CANCELLED,
}
OF_MESSAGES: Final = {
    CampaignWord.NEW: (Word.NEW,),
    CampaignWord.PROCESSING: (Word.SENDING,),
    CampaignWord.SENT: (Word.SENT,),
    CampaignWord.WITH_ERROR: (Word.ERROR, Word.EXPIRED),
    CampaignWord.CANCELLED: (Word.CANCELLED,),
    CampaignWord.REMOVED: (),
}
"""Which words of messages stand under each where single messages and campaigns are listed together."""
FAILED: Final = frozenset({State.UNDELIVERED, State.REJECTED, State.BLOCKED, State.EXPIRED})
"""How the messages stand of those to whom it is sent again. Unknown is none of these: they may have got it."""


def states_of(words: Collection[Word]) -> frozenset[State]:
    """Which states stand under the words."""
    return frozenset(state for state, word in WORDS.items() if word in words)


def word_of(row: Campaign) -> CampaignWord:
    """Its word; Sent with error: at least one recipient stands under Error or Expired."""
    if row.removed_at is not None:
        return CampaignWord.REMOVED
    word = _OF[Status(row.status)]
    return CampaignWord.WITH_ERROR if word is CampaignWord.SENT and row.has_errors else word


def of_message(word: Word) -> CampaignWord:
    """Under which of them a single message stands."""
    return next(one for one, words in OF_MESSAGES.items() if word in words)


def standing_so(word: CampaignWord | None) -> Q:
    """The campaigns of that word; without one, all that are not removed."""
    if word is CampaignWord.REMOVED:
        return Q(removed_at__isnull=False)
    kept = Q(removed_at=None)
    if word is None:
        return kept
    if word in (CampaignWord.SENT, CampaignWord.WITH_ERROR):
        return kept & Q(status=Status.SENT, has_errors=word is CampaignWord.WITH_ERROR)
    return kept & Q(status__in=[status for status, of in _OF.items() if of is word])
