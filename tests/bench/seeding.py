"""Millions of stored messages, as months of sending leave them: the message, its submission and its receipt's event."""

import time

import psycopg
from tests.bench.sides import PREFIX, SENDER

PER_STATEMENT = 1_000_000
DAYS = 120
NUMBERS = 3_000_000
SCATTER = 1_618_033
"""Has no factor in common with NUMBERS: the numbers come in no order, and each as often as the others."""
TABLES = ("message", "message_event", "submission")

# Ids grow with time as sms/ids.py makes them: milliseconds since 2024, node, sequence.
SEED_MESSAGES = """
    insert into message (id, workspace_id, gateway_id, kind, lane, state, state_at, created_at, expires_at, to_digits,
                         sender, body, encoding, segments, attempts, submission_id, submitted_at, provider_ref,
                         refusal, code, left_at)
    select (ms << 22) | n %% 1024, %(workspace)s, %(gateway)s, case when n %% 10 < 8 then 'mass' else 'single' end,
           case when n %% 10 < 8 then 2 else 1 end, state, at + interval '9 s', at, at + interval '3 days',
           %(prefix)s || lpad((n * %(scatter)s %% %(numbers)s)::text, 7, '0'), %(sender)s,
           'Your parcel ' || n || ' has arrived. Pick it up at the counter until Friday, and bring the code 4711.',
           'gsm7', 1, 1, (ms << 22) | 1024 | n %% 1024, at + interval '1 s', 's' || n,
           case when state in ('rejected', 'blocked') then 'permanent' end,
           case when state in ('rejected', 'blocked') then '13' end, at + interval '1 s'
      from (select n, %(first)s + n * %(step)s as ms,
                   timestamptz '2024-01-01 00:00Z' + (%(first)s + n * %(step)s) * interval '1 ms' as at,
                   case when n %% 100 < 90 then 'delivered' when n %% 100 < 94 then 'undelivered'
                        when n %% 100 < 96 then 'expired' when n %% 100 < 98 then 'rejected'
                        when n %% 100 < 99 then 'blocked' else 'unconfirmed' end as state
              from generate_series(%(start)s::bigint, %(stop)s::bigint) n) as made
"""
SEED_EVENTS = """
    insert into message_event (message_id, at, kind, detail)
    select id, state_at, 'receipt', jsonb_build_object('state', state, 'status', 'DELIVRD')
      from message
"""
SEED_SUBMISSIONS = """
    insert into submission (id, gateway_id, fence, message_ids, serial, settings_version, intent_at, done_at, status,
                            latency_ms)
    select submission_id, gateway_id, 1, array[id], (id & 1073741823)::int, 1, created_at, submitted_at, 200, 12
      from message
"""
INDEXES = """
    select indexname, indexdef from pg_indexes
     where schemaname = 'public' and tablename = any(%s)
       and indexname not in (select conname from pg_constraint)
"""


def seed(dsn: str, count: int, workspace_id: int, gateway_id: int) -> None:
    """Store so many messages of the last months. The indexes are made afterwards, and all of it is analysed."""
    now_ms = int((time.time() - 1_704_067_200) * 1000)
    step = max(1, DAYS * 86_400_000 // count)
    values = {
        "workspace": workspace_id,
        "gateway": gateway_id,
        "prefix": PREFIX,
        "sender": SENDER,
        "numbers": NUMBERS,
        "scatter": SCATTER,
        "first": now_ms - step * (count + 1),
        "step": step,
    }
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '512MB'")
        indexes = connection.execute(INDEXES, [list(TABLES)]).fetchall()
        for name, _ in indexes:
            connection.execute(f'drop index "{name}"'.encode())
        for start in range(1, count + 1, PER_STATEMENT):
            stop = min(count, start + PER_STATEMENT - 1)
            connection.execute(SEED_MESSAGES, values | {"start": start, "stop": stop})
        connection.execute(SEED_SUBMISSIONS.encode())
        connection.execute(SEED_EVENTS.encode())
        for _, definition in indexes:
            connection.execute(definition.encode())
        for table in TABLES:
            connection.execute(f"vacuum (analyze) {table}".encode())
