"""Recipients in bulk: written by COPY, in the transaction of the messages that they name."""

from collections.abc import Collection, Iterable
from typing import Final

from django.db import connection

COPY: Final = "copy campaign_recipient (campaign_id, channel, contact_id, address, item_id, reason, words) from stdin"
TAKEN: Final = """
    select address from campaign_recipient
     where campaign_id = %s and channel = %s and address = any(%s) and reason = ''
"""
LONGEST_WORDS: Final = 300

Line = tuple[int, str, int, str, int | None, str, str]
"""campaign, channel, contact, address, message, reason, words"""


def insert(lines: Iterable[Line]) -> None:
    """Add these, in the caller's transaction."""
    with connection.cursor() as cursor, cursor.cursor.copy(COPY) as copy:
        for line in lines:
            copy.write_row((*line[:6], line[6][:LONGEST_WORDS]))


def taken(campaign_id: int, channel: str, addresses: Collection[str]) -> set[str]:
    """Those of the addresses that the campaign has written to already."""
    with connection.cursor() as cursor:
        cursor.execute(TAKEN, [campaign_id, channel, list(addresses)])
        return {row[0] for row in cursor.fetchall()}
