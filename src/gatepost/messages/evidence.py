"""What became of the messages of each gateway: the evidence for its health."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from gatepost.gateways.evidence import Evidence
from gatepost.sms.ids import EPOCH_MS, NODE_BITS, SEQUENCE_BITS
from gatepost.sms.states import WORDS, State, Word

COUNT = """
    select gateway_id, state, count(*) from message
     where workspace_id = %s and id >= %s and gateway_id = any(%s) group by 1, 2
"""
_FAILED = frozenset(state for state, word in WORDS.items() if word in (Word.ERROR, Word.EXPIRED))


def count(workspace_id: int, gateway_ids: Sequence[int], since: datetime) -> dict[int, Evidence]:
    """Evidence by gateway, for those that had messages of the workspace since then."""
    # Ids grow with time, so the index of the log finds the period.
    first_id = (int(since.timestamp() * 1000) - EPOCH_MS) << (NODE_BITS + SEQUENCE_BITS)
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [workspace_id, first_id, list(gateway_ids)])
        rows = cursor.fetchall()
    return {
        gateway_id: Evidence(
            total=sum(number for own, _, number in rows if own == gateway_id),
            delivered=sum(number for own, state, number in rows if (own, state) == (gateway_id, State.DELIVERED)),
            failed=sum(number for own, state, number in rows if own == gateway_id and State(state) in _FAILED),
        )
        for gateway_id in {row[0] for row in rows}
    }
