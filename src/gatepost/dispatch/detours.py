"""Other ways for messages whose gateway did not take them: found by their route, and taken by one statement.

Only what provably was not sent, or was refused in a way that another gateway may mend, is moved; what is unknown never
is. A moved message remembers the gateways that had it, and its receipts are found at each of them.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection, transaction

from gatepost.dispatch.decide import ADAPTER_FAULT
from gatepost.gateways.models import Gateway
from gatepost.messages import snapshots
from gatepost.messages.detour import Detour, Waiting, detour
from gatepost.messages.wishes import Snapshot
from gatepost.sms.msisdn import country_of
from gatepost.sms.outcomes import Kind, Outcome
from gatepost.workspaces.models import Workspace

MOST_AT_ONCE: Final = 1000
FRESH_S: Final = 1.0
"""For so long the rules and gateways of a workspace are not read again."""

WAITING: Final = """
    select m.id, m.gateway_id, m.to_digits, m.body, m.encoding, m.segments, m.sender, m.sender_reason, m.route, m.lane,
           m.kind, m.validity_s, m.tag, m.campaign_id, m.tried, m.api_key_id is not null, m.workspace_id,
           now(), m.peer
      from message m where m.id = any(%s) and m.state = 'queued'
"""
QUEUE: Final = """
    select o.message_id from outbox o join message m on m.id = o.message_id
     where o.gateway_id = %(gateway)s and o.message_id > %(after)s and o.resend_of is null and m.state = 'queued'
       and (%(workspace)s::bigint is null or o.workspace_id = %(workspace)s)
       and (%(campaign)s::bigint is null or o.campaign_id = %(campaign)s)
     order by o.message_id limit %(limit)s
"""
# The order of their ids, as everyone who moves messages takes them.
MOVE: Final = """
    with way as (select * from unnest(%(ids)s::bigint[], %(gateways)s::bigint[], %(keys)s::bigint[],
                                      %(senders)s::text[], %(reasons)s::text[], %(routes)s::text[],
                                      %(details)s::jsonb[])
                     as w(id, gateway_id, group_key, sender, reason, route, detail)),
         here as (select o.message_id from outbox o join way on way.id = o.message_id
                    join message m on m.id = way.id
                   where o.gateway_id = %(gateway)s and o.resend_of is null and m.state = 'queued'
                   order by o.message_id for update of o),
         moved as (update outbox o
                      set gateway_id = way.gateway_id, group_key = way.group_key, sender = null,
                          due_at = case when %(at_once)s then now() else o.due_at end,
                          held = case when o.held in ('gateway inactive', 'sending disabled') then null
                                      else o.held end
                     from way join here on here.message_id = way.id where o.message_id = way.id
                   returning o.message_id),
         renamed as (update message m
                        set gateway_id = way.gateway_id, sender = way.sender, sender_reason = way.reason,
                            route = way.route, tried = array_append(coalesce(m.tried, '{}'), %(gateway)s),
                            provider_ref = null
                       from way join moved on moved.message_id = way.id where m.id = way.id
                     returning m.id),
         known_there as (insert into message_part (gateway_id, key, message_id)
                         select %(gateway)s, m.provider_ref, m.id from message m join moved on moved.message_id = m.id
                          where m.provider_ref is not null
                         on conflict do nothing),
         noted as (insert into message_event (message_id, kind, detail)
                   select way.id, %(event)s, way.detail from way join renamed on renamed.id = way.id)
    select id from renamed
"""
WAKE: Final = "select pg_notify('gatepost_outbox', gateway::text) from unnest(%s::bigint[]) as gateway"


def may_go_elsewhere(outcome: Outcome) -> bool:
    """Whether another gateway may have the message: it was not sent, or refused in a way that is not the message's."""
    if outcome.kind is Kind.NOT_SENT:
        # What was sent back as a whole, or what an adapter stumbled over, says nothing of the gateway.
        return not outcome.is_alone and outcome.cause != ADAPTER_FAULT
    return outcome.kind is Kind.REFUSED and outcome.policy is not None and outcome.policy.fails_over


def of_failed(message_ids: Sequence[int]) -> dict[int, Detour]:
    """By message, the other way of those that have one. Runs in a thread."""
    return _detours(_waiting(message_ids))


def parameters(
    gateway_id: int, name: str, detours: Sequence[Detour], why: str, *, event: str = "failed over", at_once: bool = True
) -> dict[str, Any]:
    """Of MOVE: the messages leave that gateway, whose name is kept with them."""
    ordered = sorted(detours, key=lambda each: each.message_id)
    return {
        "ids": [each.message_id for each in ordered],
        "gateways": [each.way.gateway.id for each in ordered],
        "keys": [each.group_key for each in ordered],
        "senders": [each.way.sender for each in ordered],
        "reasons": [each.way.sender_reason for each in ordered],
        "routes": [each.way.route for each in ordered],
        "details": [json.dumps({"from": name, "to": each.way.gateway.name, "why": why}) for each in ordered],
        "gateway": gateway_id,
        "event": event,
        "at_once": at_once,
    }


def _take(gateway: Gateway, detours: Sequence[Detour], why: str) -> int:
    """Move the messages, as far as they still wait there; how many were."""
    if not detours:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(MOVE, parameters(gateway.pk, gateway.name, detours, why, event="moved", at_once=False))
        count = len(cursor.fetchall())
        cursor.execute(WAKE, [sorted({each.way.gateway.id for each in detours})])
    return count


def move_queue(
    gateway: Gateway,
    why: str,
    *,
    workspace: Workspace | None = None,
    campaign_id: int | None = None,
    country: str = "",
) -> int:
    """Everything that waits for the gateway (in a workspace, of a campaign, to a country) goes its other way; how many
    messages did.

    What has no other way stays. Moved by one statement per thousand.
    """
    after = count = 0
    while True:
        with connection.cursor() as cursor:
            parameters = {
                "gateway": gateway.pk,
                "after": after,
                "workspace": workspace.pk if workspace else None,
                "campaign": campaign_id,
                "limit": MOST_AT_ONCE,
            }
            cursor.execute(QUEUE, parameters)
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return count
        waiting = _waiting(ids)
        if country:
            waiting = {of: [one for one in some if country_of(one.to) == country] for of, some in waiting.items()}
        found = _detours(waiting)
        count += _take(gateway, list(found.values()), why)
        after = ids[-1]


def _waiting(ids: Sequence[int]) -> dict[int, list[Waiting]]:
    """The messages of these that are queued, by workspace."""
    found: dict[int, list[Waiting]] = {}
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [list(ids)])
        rows = cursor.fetchall()
    for row in rows:
        message = Waiting(
            id=row[0],
            gateway_id=row[1],
            to=row[2],
            text=row[3],
            encoding=row[4],
            segments=row[5],
            sender=row[6],
            sender_reason=row[7],
            route=row[8],
            lane=row[9],
            kind=row[10],
            due_at=row[17],
            validity_s=row[11],
            tag=row[12],
            campaign_id=row[13],
            tried=tuple(row[14] or ()),
            came_in=row[15],
            peer=row[18] or "",
        )
        found.setdefault(row[16], []).append(message)
    return found


def _detours(waiting: Mapping[int, Sequence[Waiting]]) -> dict[int, Detour]:
    found: dict[int, Detour] = {}
    for workspace_id, messages in waiting.items():
        snapshot = _snapshot(workspace_id, [message.to for message in messages])
        if snapshot is None:
            continue
        for message in messages:
            other = detour(message, snapshot)
            if other is not None:
                found[message.id] = other
    return found


_known: dict[int, tuple[float, Snapshot]] = {}


def _snapshot(workspace_id: int, numbers: list[str]) -> Snapshot | None:
    """A gateway that fails under load would ask for it with each request."""
    fresh_until, snapshot = _known.get(workspace_id, (0.0, None))
    if snapshot is None or time.monotonic() >= fresh_until:
        try:
            snapshot = snapshots.load(workspace_id)
        except Workspace.DoesNotExist:
            return None
        _known[workspace_id] = (time.monotonic() + FRESH_S, snapshot)
    return snapshots.with_suppressed(snapshot, numbers)
