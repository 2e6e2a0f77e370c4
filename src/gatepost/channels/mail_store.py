"""The statements of mails. The line is `CLAIM`: it is committed before the content of a mail leaves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from gatepost.channels.replies import Reply, Verdict

# A skip scan over the queue's index finds the shares; each gives its next ones; workspaces take turns within a lane.
NEXT: Final = """
    with recursive share as (
        (select lane, workspace_id, coalesce(campaign_id, 0) as campaign from mail
          where account_id = %(account)s and state = 'queued' and held is null
          order by lane, workspace_id, coalesce(campaign_id, 0) limit 1)
        union all
        select following.* from share, lateral (
            select lane, workspace_id, coalesce(campaign_id, 0) as campaign from mail
             where account_id = %(account)s and state = 'queued' and held is null
               and (lane, workspace_id, coalesce(campaign_id, 0)) > (share.lane, share.workspace_id, share.campaign)
             order by lane, workspace_id, coalesce(campaign_id, 0) limit 1) following
    )
    select due.id from (
        select share.lane, ready.id, row_number() over (
                   partition by share.lane, share.workspace_id order by ready.turn, ready.id) as turn
          from share
          join workspace on workspace.id = share.workspace_id and workspace.sending_enabled
          cross join lateral (
              select id, row_number() over (order by next_at, id) as turn from (
                  select id, next_at from mail
                   where account_id = %(account)s and state = 'queued' and held is null and lane = share.lane
                     and workspace_id = share.workspace_id and coalesce(campaign_id, 0) = share.campaign
                     and next_at <= statement_timestamp() and expires_at > statement_timestamp()
                   order by next_at, id limit %(most)s) first_ones) ready) due
     order by due.lane, due.turn, due.id limit %(most)s
"""
CLAIM: Final = """
    update mail set state = 'submitting', state_at = statement_timestamp(), attempts = attempts + 1
     where id = %s and state = 'queued' and held is null and attempts = %s and expires_at > statement_timestamp()
"""
# `fence` is the number of attempts: each claim raises it, so that a process that wakes up late writes about its own
# attempt or about none; what others have given up as unknown it may still set right.
TAKEN: Final = """
    update mail set state = 'submitted', submitted_at = statement_timestamp(), state_at = statement_timestamp(),
           code = %(code)s, words = %(words)s,
           attempts = attempts + case when state = 'queued' then 1 else 0 end
     where id = %(id)s and attempts = %(fence)s and state = any(%(states)s)
"""
LATER: Final = """
    update mail set state = 'queued', state_at = statement_timestamp(),
           next_at = statement_timestamp() + %(wait_s)s * interval '1 second',
           code = %(code)s, words = %(words)s,
           attempts = attempts + case when state = 'queued' then 1 else 0 end
     where id = %(id)s and attempts = %(fence)s and state = any(%(states)s)
"""
REFUSED: Final = """
    update mail set state = 'rejected', state_at = statement_timestamp(), code = %(code)s, words = %(words)s,
           attempts = attempts + case when state = 'queued' then 1 else 0 end
     where id = %(id)s and attempts = %(fence)s and state = any(%(states)s)
"""
UNKNOWN: Final = """
    update mail set state = 'unknown', state_at = statement_timestamp(), code = %(code)s, words = %(words)s,
           attempts = attempts + case when state = 'queued' then 1 else 0 end
     where id = %(id)s and attempts = %(fence)s and state = any(%(states)s)
"""
RECORDS: Final[Mapping[Verdict, str]] = {
    Verdict.LATER: LATER,
    Verdict.REFUSED: REFUSED,
    Verdict.UNKNOWN: UNKNOWN,
    Verdict.TROUBLE: LATER,
}
EVENT: Final = "insert into mail_event (mail_id, what, code, words) values (%(id)s, %(what)s, %(code)s, %(words)s)"
ABANDONED: Final = """
    with abandoned as (
        update mail set state = 'unknown', state_at = statement_timestamp(),
               words = 'The process that sent it ended in the middle; whether the mail arrived is not known.'
         where account_id = %s and state = 'submitting' returning id)
    insert into mail_event (mail_id, what) select id, 'unknown' from abandoned
"""
EXPIRE: Final = """
    update mail set state = 'expired', state_at = statement_timestamp()
     where state = 'queued' and expires_at <= statement_timestamp()
"""
WAITING: Final = """
    select id from email_account account
     where exists (select from mail where account_id = account.id and state = 'submitting')
        or exists (select from mail where account_id = account.id and state = 'queued' and held is null
                      and next_at <= statement_timestamp())
"""
NEXT_DUE: Final = """
    select min(next_at) from mail
     where account_id = %s and state = 'queued' and held is null and next_at > statement_timestamp()
"""
BLOCK: Final = """
    update mail set state = 'blocked', state_at = statement_timestamp(),
           words = 'The address is on the suppression list.'
     where id = any(%s) and state = 'queued'
"""
HOLD: Final = """
    update mail set held = 'campaign paused'
     where workspace_id = %(workspace)s and campaign_id = %(campaign)s and kind = 'mass'
       and state = 'queued' and held is null
"""
RELEASE: Final = """
    update mail set held = null
     where workspace_id = %(workspace)s and campaign_id = %(campaign)s and kind = 'mass'
       and state = 'queued' and held = 'campaign paused'
"""
CANCEL: Final = """
    with cancelled as (
        update mail set state = 'cancelled', state_at = statement_timestamp()
         where workspace_id = %(workspace)s and campaign_id = %(campaign)s and kind = 'mass' and state = 'queued'
        returning id)
    insert into mail_event (mail_id, what, words) select id, 'cancelled', %(actor)s from cancelled
"""
TALLY: Final = """
    select state, count(*) from mail
     where workspace_id = %(workspace)s and campaign_id = %(campaign)s and kind = 'mass' group by state
"""
ACCOUNTS: Final = """
    select distinct account_id from mail
     where workspace_id = %(workspace)s and campaign_id = %(campaign)s and state = 'queued' and account_id is not null
"""
# "At once" is by the database's clock, like everything that it is compared with.
INSERT: Final = """
    insert into mail (id, workspace_id, account_id, kind, lane, due_at, next_at, expires_at, campaign_id, contact_id,
                      user_id, api_key_id, to_address, subject, body, attachments, documents, tag)
    select id, %(workspace)s, %(account)s, %(kind)s, %(lane)s, due_at, due_at, due_at + %(days)s * interval '1 day',
           %(campaign)s, nullif(contact_id, 0), %(user)s, %(key)s, to_address, subject, body,
           coalesce(string_to_array(nullif(attachments, ''), ' ')::bigint[], '{}'),
           coalesce(string_to_array(nullif(documents, ''), ' ')::bigint[], '{}'), %(tag)s
      from unnest(%(ids)s::bigint[], %(wanted)s::timestamptz[], %(contacts)s::bigint[], %(addresses)s::text[],
                  %(subjects)s::text[], %(bodies)s::text[], %(attachments)s::text[], %(documents)s::text[])
           as new(id, wanted_at, contact_id, to_address, subject, body, attachments, documents)
     cross join lateral (select coalesce(wanted_at, statement_timestamp()) as due_at) moment
"""
_EVENTS: Final[Mapping[Verdict, str]] = {
    Verdict.LATER: "tried",
    Verdict.TROUBLE: "tried",
    Verdict.REFUSED: "refused",
    Verdict.UNKNOWN: "unknown",
}


def next_ids(account_id: int, most: int) -> list[int]:
    """What the account sends next: by lane, workspaces and campaigns in turns, those that are due."""
    return [row[0] for row in _fetch(NEXT, {"account": account_id, "most": most})]


def claim(mail_id: int, attempts: int) -> bool:
    """Cross the line for this mail, in a transaction of its own; False where it is not there to be sent any more."""
    return _run(CLAIM, [mail_id, attempts]) == 1


def record(mail_id: int, attempts: int, reply: Reply, *, is_claimed: bool, wait_s: float = 0.0) -> None:
    """What came of an attempt; `attempts`: how many there were before it, `wait_s`: until the next one."""
    states = ["submitting", "unknown"] if is_claimed else ["queued"]
    fence = attempts + 1 if is_claimed else attempts
    values = {"id": mail_id, "fence": fence, "states": states, "code": reply.code, "words": reply.words}
    if reply.verdict is Verdict.TAKEN:
        _run(TAKEN, values)
        return
    with transaction.atomic():
        if _run(RECORDS[reply.verdict], {**values, "wait_s": wait_s}):
            note(mail_id, _EVENTS[reply.verdict], reply.code, reply.words)


def note(mail_id: int, what: str, code: str = "", words: str = "") -> None:
    """Write down what happened to a mail."""
    _run(EVENT, {"id": mail_id, "what": what, "code": code, "words": words})


def abandon(account_id: int) -> int:
    """What a process that died was sending is unknown from now on; how many. For who alone sends by the account."""
    return _run(ABANDONED, [account_id])


def expire() -> int:
    return _run(EXPIRE, [])


def waiting_accounts() -> list[int]:
    """The accounts that have something to do now."""
    return [row[0] for row in _fetch(WAITING, {})]


def next_due(account_id: int) -> datetime | None:
    """When the account has something to do again."""
    found: datetime | None = _fetch(NEXT_DUE, [account_id])[0][0]
    return found


def block(mail_ids: Collection[int]) -> int:
    return _run(BLOCK, [list(mail_ids)])


def of_campaign(statement: str, workspace_id: int, campaign_id: int, **more: object) -> int:
    """HOLD, RELEASE or CANCEL; how many mails."""
    return _run(statement, {"workspace": workspace_id, "campaign": campaign_id, **more})


def tally(workspace_id: int, campaign_id: int) -> list[tuple[str, int]]:
    """How many mails of the campaign are in each state."""
    return [(row[0], row[1]) for row in _fetch(TALLY, {"workspace": workspace_id, "campaign": campaign_id})]


def accounts_of(workspace_id: int, campaign_id: int) -> list[int]:
    """By which accounts what waits of the campaign is sent."""
    return [row[0] for row in _fetch(ACCOUNTS, {"workspace": workspace_id, "campaign": campaign_id})]


def insert(common: Mapping[str, object], rows: Iterable[Sequence[Any]]) -> None:
    """New mails in one statement; each row is id, send_at, contact, address, subject, body, attachments, documents."""
    columns = list(zip(*rows, strict=True))
    names = ("ids", "wanted", "contacts", "addresses", "subjects", "bodies", "attachments", "documents")
    if columns:
        _run(INSERT, {**common, **{name: list(column) for name, column in zip(names, columns, strict=True)}})


def _run(statement: str, values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _fetch(statement: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
