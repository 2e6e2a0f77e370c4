"""A worker as one writes it at first, for the checker to catch: `python naive_worker.py <kind> <port> <gateway>`.

resend  leases a message, submits it, records it; a lease that runs out is submitted again
forget  records a message as submitted, then submits it

Both are right as long as nothing dies. The database's URL comes from DATABASE_URL.
"""

import http.client
import json
import os
import sys
import time
from typing import Any

import psycopg

from gatepost.sms.ids import to_ref

GROUP = 50
LEASE = """
    update outbox o set due_at = now() + interval '1 second'
      from (select o.message_id, m.to_digits, m.body from outbox o join message m on m.id = o.message_id
             where o.due_at <= now() order by o.message_id limit %s for update of o skip locked) due
     where o.message_id = due.message_id returning due.message_id, due.to_digits, due.body
"""
TAKE = """
    with taken as (delete from outbox where message_id in (select message_id from outbox order by message_id limit %s)
                   returning message_id)
    update message m set state = 'submitted' from taken where m.id = taken.message_id
    returning m.id, m.to_digits, m.body
"""
RECORD = """
    with gone as (delete from outbox where message_id = any(%s) returning message_id)
    update message m set state = 'submitted' from gone where m.id = gone.message_id
"""

Row = tuple[int, str, str]
Connection = psycopg.Connection[Any]


def submit(provider: http.client.HTTPConnection, path: str, rows: list[Row]) -> None:
    for message_id, to, text in rows:
        body = json.dumps({"ref": to_ref(message_id), "to": to, "text": text})
        provider.request("POST", path, body)
        provider.getresponse().read()


def work(database: Connection, provider: http.client.HTTPConnection, path: str, *, resends: bool) -> None:
    while True:
        rows = database.execute(LEASE if resends else TAKE, [GROUP]).fetchall()
        submit(provider, path, rows)
        if resends:
            database.execute(RECORD, [[row[0] for row in rows]])
        if not rows:
            time.sleep(0.02)


if __name__ == "__main__":
    kind, port, gateway = sys.argv[1:]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        work(
            connection,
            http.client.HTTPConnection("127.0.0.1", int(port)),
            f"/send/{gateway}",
            resends=kind == "resend",
        )
