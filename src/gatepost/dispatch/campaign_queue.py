"""The queue of one campaign: held, let go on, and emptied, each by one statement.

A campaign that is stopped stands in `stopped_campaign`, so that what is on its way at that moment and has to be tried
again comes back into the queue as held (RECORD in statements.py).
"""

import json
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

PAUSED: Final = "campaign paused"
Span = tuple[int, int]
"""Between which ids (the second exclusive) the messages of the campaign lie: the queue's key finds them by that."""

STOP: Final = "insert into stopped_campaign (campaign_id) values (%s) on conflict do nothing"
GO_ON: Final = "delete from stopped_campaign where campaign_id = %s"
HOLD: Final = """
    with mine as (select message_id from outbox
                   where message_id >= %(first)s and message_id < %(last)s and campaign_id = %(campaign)s
                     and held is distinct from %(why)s
                   order by message_id for update)
    update outbox o set held = %(why)s from mine where o.message_id = mine.message_id
"""
# What it was held for besides is looked at again.
RELEASE: Final = """
    with mine as (select message_id from outbox
                   where message_id >= %(first)s and message_id < %(last)s and campaign_id = %(campaign)s
                     and held = %(why)s
                   order by message_id for update),
         gone_on as (
        update outbox o
           set held = case when not g.is_active then 'gateway inactive'
                           when not (g.sending_enabled and w.sending_enabled and %(enabled)s) then 'sending disabled'
                      end
          from mine, gateway g, workspace w
         where o.message_id = mine.message_id and g.id = o.gateway_id and w.id = o.workspace_id
        returning o.gateway_id)
    select gateway_id, count(*) from gone_on group by gateway_id
"""
CANCEL: Final = """
    with mine as (select message_id from outbox
                   where message_id >= %(first)s and message_id < %(last)s and campaign_id = %(campaign)s
                   order by message_id for update),
         taken as (delete from outbox o using mine, message m
                    where o.message_id = mine.message_id and m.id = o.message_id and m.state = 'queued'
                   returning o.message_id),
         cancelled as (update message m set state = 'cancelled', state_at = now() from taken
                        where m.id = taken.message_id and m.state = 'queued' returning m.id)
    insert into message_event (message_id, kind, detail) select id, 'cancelled', %(detail)s::jsonb from cancelled
"""
WAKE: Final = "select pg_notify('gatepost_outbox', gateway::text) from unnest(%s::bigint[]) as gateway"


def hold(campaign_id: int, span: Span) -> int:
    """Nothing more of it leaves but what is on its way; how many wait now that did not before."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(STOP, [campaign_id])
        cursor.execute(HOLD, _values(campaign_id, span) | {"why": PAUSED})
        return int(cursor.rowcount)


def release(campaign_id: int, span: Span) -> int:
    """It goes on where it stopped; how many messages do."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(GO_ON, [campaign_id])
        enabled = settings.CONFIG["SENDING_ENABLED"]
        cursor.execute(RELEASE, _values(campaign_id, span) | {"why": PAUSED, "enabled": enabled})
        counts = dict(cursor.fetchall())
        cursor.execute(WAKE, [list(counts)])
    return sum(counts.values())


def cancel(campaign_id: int, span: Span, *, actor: str) -> int:
    """What is in the queue is cancelled, for good; how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(STOP, [campaign_id])
        cursor.execute(CANCEL, _values(campaign_id, span) | {"detail": json.dumps({"by": actor})})
        return int(cursor.rowcount)


def _values(campaign_id: int, span: Span) -> dict[str, Any]:
    return {"campaign": campaign_id, "first": span[0], "last": span[1]}
