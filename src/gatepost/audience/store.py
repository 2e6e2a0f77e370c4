"""Contacts in bulk: finding those that are meant, writing them by COPY and by one UPDATE, all in one transaction."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import connection

Row = dict[str, Any]
"""A contact by column."""

COLUMNS: Final = (
    *("id", "workspace_id", "kind", "external_id", "login", "login_key", "status", "full_name", "name_key", "email"),
    *("email_key", "billing_email", "billing_email_key", "phones", "category", "billing", "location_id", "partner_id"),
    *("plans", "services", "labels", "language", "time_zone", "custom", "custom_keys"),
)
_JSON: Final = ("custom", "custom_keys")
_CHANGED: Final = tuple(name for name in COLUMNS if name not in ("id", "workspace_id"))
_TYPES: Final = {
    **dict.fromkeys(COLUMNS, "text"),
    "id": "bigint",
    "location_id": "bigint",
    "partner_id": "bigint",
    "plans": "bigint[]",
    "labels": "bigint[]",
    "phones": "varchar[]",
    "services": "varchar[]",
    "custom": "jsonb",
    "custom_keys": "jsonb",
}

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('contacts ' || %s::text, 0))"
FIND: Final = f"select {', '.join(COLUMNS)} from contact where workspace_id = %s and "  # noqa: S608 - constants
BY: Final = {
    "id": "id = any(%s)",
    "external_id": "external_id = any(%s)",
    "login": "login_key = any(%s)",
    "email": "email_key = any(%s)",
    "phone": "phones && %s::varchar[]",
}
IDS: Final = "select nextval(pg_get_serial_sequence('contact', 'id')) from generate_series(1, %s)"
COPY: Final = f"copy contact ({', '.join(COLUMNS)}) from stdin"
UPDATE: Final = f"""
    update contact set {", ".join(f"{name} = s.{name}" for name in _CHANGED)}, updated_at = now()
      from jsonb_to_recordset(%s::jsonb) as s ({", ".join(f"{name} {_TYPES[name]}" for name in ("id", *_CHANGED))})
     where contact.id = s.id and contact.workspace_id = %s
"""  # noqa: S608 - constants


def stand_alone(workspace_id: int) -> None:
    """Until the transaction ends nobody else writes contacts of the workspace: two would each add what both miss."""
    with connection.cursor() as cursor:
        cursor.execute(ALONE, [workspace_id])


def find(workspace_id: int, by: str, keys: Iterable[str] | Iterable[int]) -> list[Row]:
    """The contacts that have one of these ids, external ids, folded logins or e-mails, or phones; oldest first."""
    wanted = sorted({key for key in keys if key})
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"{FIND}{BY[by]} order by id", [workspace_id, wanted])
        rows = [dict(zip(COLUMNS, values, strict=True)) for values in cursor.fetchall()]
    for row in rows:
        for name in _JSON:
            if isinstance(row[name], str):
                row[name] = json.loads(row[name])
    return rows


def insert(rows: Sequence[Row]) -> None:
    """Add these; each gets its `id`."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(IDS, [len(rows)])
        for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
            row["id"] = pk
        with cursor.cursor.copy(COPY) as copy:
            for row in rows:
                copy.write_row([_copied(name, row[name]) for name in COLUMNS])


def update(workspace_id: int, rows: Sequence[Row]) -> None:
    """Write these as they are now."""
    if not rows:
        return
    said = json.dumps([{name: row[name] for name in ("id", *_CHANGED)} for row in rows], ensure_ascii=False)
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, [said, workspace_id])


def _copied(name: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if name in _JSON else value
