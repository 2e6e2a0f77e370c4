"""Short links in bulk, and the statements of the front, which opens them."""

from collections.abc import Collection, Sequence
from typing import Final

from django.db import connection

OPEN: Final = """
    with opened as (
        update short_link set clicks = clicks + 1, first_at = coalesce(first_at, now()), last_at = now()
         where code = %(code)s returning link_id
    ), of_message as (
        update message_link set clicks = clicks + 1, first_at = coalesce(first_at, now()), last_at = now()
         where code = %(code)s returning url
    )
    select url from link where id = (select link_id from opened) union all select url from of_message
"""
LOOK_UP: Final = """
    select l.url from short_link s join link l on l.id = s.link_id where s.code = %(code)s
    union all select url from message_link where code = %(code)s
"""
"""The same for robots, who are not counted."""

ADD: Final = """
    insert into link (workspace_id, campaign_id, url) select %s, %s, unnest(%s::text[]) on conflict do nothing
"""
FIND: Final = "select url, id from link where campaign_id = %s and url = any(%s)"
COPY: Final = "copy short_link (code, link_id, contact_id, clicks) from stdin"
CLICKS: Final = """
    select l.url, count(distinct s.contact_id), count(distinct s.contact_id) filter (where s.clicks > 0),
           coalesce(sum(s.clicks), 0), max(s.last_at)
      from link l join short_link s on s.link_id = l.id and s.contact_id > 0
     where l.workspace_id = %s and l.campaign_id = %s
     group by l.id order by l.id
"""

# The codes of a link go before it; one that was opened at this moment is left to the next time.
FORGET_CODES: Final = """
    delete from short_link where code = any(array(
           select s.code from short_link s join link l on l.id = s.link_id
            where l.created_at < %(since)s limit %(limit)s for update of s skip locked))
"""
FORGET_OF_MESSAGES: Final = """
    delete from message_link where code = any(array(
           select code from message_link where message_id < %(before)s limit %(limit)s for update skip locked))
"""
FORGET_LINKS: Final = """
    delete from link l where l.created_at < %s and not exists (select from short_link s where s.link_id = l.id)
"""

New = tuple[str, str, int]
"""code, address, contact"""


def insert(workspace_id: int, campaign_id: int, new: Sequence[New]) -> None:
    """Keep these codes, in the caller's transaction."""
    urls = sorted({url for _, url, _ in new})
    with connection.cursor() as cursor:
        cursor.execute(ADD, [workspace_id, campaign_id, urls])
        ids = _ids(campaign_id, urls)
        with cursor.cursor.copy(COPY) as copy:
            for code, url, contact_id in new:
                copy.write_row((code, ids[url], contact_id, 0))


def _ids(campaign_id: int, urls: Collection[str]) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(FIND, [campaign_id, list(urls)])
        return dict(cursor.fetchall())
