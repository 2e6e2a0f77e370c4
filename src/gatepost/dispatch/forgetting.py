"""Taking messages out of the world, with everything that hangs on them."""

from collections.abc import Sequence
from typing import Final

from django.db import connection, transaction

MESSAGES: Final = "delete from message where workspace_id = %s and gateway_id = any(%s) returning id"
HANGING_ON: Final = (
    "delete from outbox where message_id = any(%s)",
    "delete from message_event where message_id = any(%s)",
    "delete from message_part where message_id = any(%s)",
    "delete from message_link where message_id = any(%s)",
    "delete from status_query where message_id = any(%s)",
)
# A request that carried other messages, too, is still theirs; one without an answer belongs to its worker.
REQUESTS: Final = """
    with gone as (delete from submission where gateway_id = any(%s) and done_at is not null and message_ids <@ %s
                  returning id)
    delete from exchange using gone where exchange.submission_id = gone.id
"""


def forget(workspace_id: int, gateway_ids: Sequence[int]) -> int:
    """Delete the workspace's messages that belong to these gateways; how many there were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(MESSAGES, [workspace_id, list(gateway_ids)])
        ids = [row[0] for row in cursor.fetchall()]
        for statement in HANGING_ON:
            cursor.execute(statement, [ids])
        cursor.execute(REQUESTS, [list(gateway_ids), ids])
    return len(ids)
