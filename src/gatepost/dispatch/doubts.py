"""Messages in doubt: unknown ones of a workspace, counted by gateway and by what will settle them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db import connection

MOST_AT_ONCE: Final = 5_000
"""So many messages one press of a button is about."""


class Way(StrEnum):
    """What will settle a message. The order is the one in which they are looked at."""

    LEFT = "left"
    AGAIN = "again"
    LOOK_UP = "look-up"
    PERSON = "person"


WORDS: Final = {
    Way.LEFT: "Left as it is: only a late report changes it",
    Way.AGAIN: "Sent again by itself: the provider de-duplicates, or the gateway prefers a duplicate over a loss",
    Way.LOOK_UP: "The provider is asked whether it ever saw it",
    Way.PERSON: "Waits for a late report, or for you",
}
GONE: Final = "Nothing will: its gateway was deleted. It can only be left as it is"
_WAY: Final = """
    case when m.left_at is not null then 'left'
         when exists (select from outbox o where o.message_id = m.id) then 'again'
         when exists (select from status_query q where q.message_id = m.id) then 'look-up'
         else 'person' end
"""
_OF: Final = "from message m where m.workspace_id = %s and m.state = 'unknown'"
COUNT: Final = f"""
    select m.gateway_id, g.name, {_WAY} as way, count(*), min(m.state_at)
      from (select * {_OF}) m left join gateway g on g.id = m.gateway_id
     group by 1, 2, 3 order by 2 nulls last, 1, 3
"""  # noqa: S608 - constants
CHOOSE: Final = f"""
    select m.id {_OF} and m.gateway_id is not distinct from %s and {_WAY} = %s
     order by m.id limit {MOST_AT_ONCE}
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Doubt:
    """Unknown messages of one gateway that the same will settle. `gateway`: its name, empty where it is gone."""

    gateway_id: int | None
    gateway: str
    way: Way
    count: int
    oldest_at: datetime

    @property
    def words(self) -> str:
        return WORDS[self.way] if self.gateway or self.way is Way.LEFT else GONE


def doubts(workspace_id: int) -> list[Doubt]:
    """The unknown messages of a workspace, by gateway and way."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [workspace_id])
        return [Doubt(row[0], row[1] or "", Way(row[2]), row[3], row[4]) for row in cursor.fetchall()]


def in_doubt(workspace_id: int, gateway_id: int | None, way: Way) -> list[int]:
    """The ids of those messages, the oldest first, at most MOST_AT_ONCE."""
    with connection.cursor() as cursor:
        cursor.execute(CHOOSE, [workspace_id, gateway_id, way.value])
        return [row[0] for row in cursor.fetchall()]
