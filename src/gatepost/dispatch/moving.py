"""What becomes of messages when their gateway is deleted: what waits goes to another gateway, and what is uncertain
stays uncertain, because nobody may send it a second time by another way."""

import json
from collections.abc import Iterator
from typing import Final

from django.db import connection

from gatepost.gateways.deletion import Dependant, Effect
from gatepost.gateways.models import Gateway
from gatepost.problems import Problem

# The queue of a gateway is moved under its lease: no intent is committed while the row is locked, and none after it.
LOCK_LEASE = "select fence from gateway_lease where gateway_id = %s for update"
OPEN = "select count(*) from submission where gateway_id = %s and done_at is null"
WAITING = """
    select count(*) filter (where m.state = 'queued' and o.resend_of is null),
           count(*) filter (where m.state <> 'queued' or o.resend_of is not null)
      from outbox o join message m on m.id = o.message_id where o.gateway_id = %s
"""
UNREPORTED = "select count(*) from message where gateway_id = %s and provider_ref is not null and state = 'submitted'"
# Each goes alone, because what may share a request is another matter at another provider.
MOVE = """
    with moved as (update outbox o
                      set gateway_id = %(heir)s, group_key = o.message_id, sender = null,
                          held = case when o.held in ('gateway inactive', 'sending disabled') then null else o.held end
                     from message m
                    where o.gateway_id = %(gateway)s and m.id = o.message_id and m.state = 'queued'
                      and o.resend_of is null
                   returning o.message_id),
         renamed as (update message m set gateway_id = %(heir)s from moved where m.id = moved.message_id returning m.id)
    insert into message_event (message_id, kind, detail) select id, 'moved', %(detail)s::jsonb from renamed
"""
DROP_UNCERTAIN = """
    with dropped as (delete from outbox where gateway_id = %s returning message_id)
    insert into message_event (message_id, kind, detail)
    select message_id, 'not sent again', '{"why": "its gateway was deleted"}'::jsonb from dropped
"""
END_UNREPORTED = """
    update message set state = 'unconfirmed', state_at = now()
     where gateway_id = %s and provider_ref is not null and state = 'submitted'
"""


def count(gateway: Gateway) -> Iterator[Effect]:
    """What of the gateway is in the queue or awaits a report."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [gateway.pk])
        waiting, uncertain = cursor.fetchone()
        cursor.execute(UNREPORTED, [gateway.pk])
        [unreported] = cursor.fetchone()
    yield Effect("waiting messages", waiting, "go to another gateway", needs_heir=True)
    yield Effect("uncertain messages that were to be sent again", uncertain, "stay unknown and are not sent again")
    yield Effect("messages without a final report", unreported, "end as unconfirmed")


def release(gateway: Gateway, heir: Gateway | None) -> None:
    """Move and end them. Raises Problem `gateway_busy` or `gateway_has_queue`."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_LEASE, [gateway.pk])
        cursor.execute(OPEN, [gateway.pk])
        [on_their_way] = cursor.fetchone()
        if on_their_way:
            raise Problem("gateway_busy", f"{on_their_way} requests to the provider are not answered yet.")
        cursor.execute(WAITING, [gateway.pk])
        waiting, _ = cursor.fetchone()
        if waiting and heir is None:
            raise Problem("gateway_has_queue", f"{waiting} messages wait for {gateway}.")
        if heir is not None:
            detail = json.dumps({"from": gateway.name, "to": heir.name, "why": "its gateway was deleted"})
            cursor.execute(MOVE, {"gateway": gateway.pk, "heir": heir.pk, "detail": detail})
            cursor.execute("select pg_notify('gatepost_outbox', %s)", [str(heir.pk)])
        cursor.execute(DROP_UNCERTAIN, [gateway.pk])
        cursor.execute(END_UNREPORTED, [gateway.pk])


DEPENDANT: Final = Dependant(count, release)
