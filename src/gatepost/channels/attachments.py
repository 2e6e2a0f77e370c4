"""Files that mails and portal messages bring along: kept once, named by many."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from gatepost.audience import files
from gatepost.audience.models import Document
from gatepost.channels.models import Attachment, Mail, PortalMessage
from gatepost.messages.log import CLOCKS_S, first_id
from gatepost.problems import Problem
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

LIMIT: Final = 10 * 1024 * 1024
"""Bytes of one file."""
ALL_LIMIT: Final = 15 * 1024 * 1024
"""Bytes of all files of one message: encoded they grow by a third, and mail servers take some 20 to 25 MiB."""
MOST: Final = 20
FOLDER: Final = "attachments"
_TYPE: Final = re.compile(r"(?!message/|multipart/)[a-z]+/[a-z0-9][a-z0-9.+-]{0,80}")
"""Parts of a mail that are mails themselves or hold parts cannot be written down from the bytes of a file."""
UNKNOWN_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class File:
    """Something to bring along: an attachment or a document. `key` tells it apart in addresses."""

    key: str
    name: str
    content_type: str
    size: int
    path: str
    title: str


def add(workspace: Workspace, name: str, content_type: str, content: Iterable[bytes], *, actor: str) -> Attachment:
    """Keep a file. Raises Problem `file_unfit` or `body_too_large`."""
    path, size = files.keep(FOLDER, workspace.pk, content, limit=LIMIT)
    try:
        row = Attachment.objects.create(
            workspace=workspace, name=_name(name), content_type=_type(content_type), size=size, path=path
        )
        audit(actor, "attachment.add", row, workspace)
    except BaseException:
        files.forget([path])
        raise
    row.refresh_from_db()
    return row


def find(workspace: Workspace, ids: Collection[int]) -> list[Attachment]:
    """These attachments in their order. Raises Problem `not_found` where one is not the workspace's."""
    possible = [pk for pk in ids if pk < 2**63]
    known = {row.pk: row for row in Attachment.objects.filter(workspace=workspace, pk__in=possible)}
    if set(ids) - set(known):
        raise Problem("not_found", "The workspace has no such attachment.")
    return [known[pk] for pk in ids]


def is_sent(row: Attachment) -> bool:
    """Whether a mail or a portal message brings it along."""
    first = first_id(row.created_at, -CLOCKS_S)
    since = {"workspace": row.workspace_id, "pk__gte": first, "attachments__contains": [row.pk]}
    return Mail.objects.filter(**since).exists() or PortalMessage.objects.filter(**since).exists()


def forget(row: Attachment) -> None:
    """Delete one that nothing names; whoever calls knows."""
    path = row.path
    row.delete()
    files.forget([path])


def gather(workspace_id: int, attachments: Iterable[int], documents: Iterable[int]) -> list[File]:
    """The files of one message, in order, those that are still there."""
    attached = {row.pk: row for row in Attachment.objects.filter(workspace=workspace_id, pk__in=list(attachments))}
    financial = {row.pk: row for row in Document.objects.filter(workspace=workspace_id, pk__in=list(documents))}
    found = [_of_attachment(attached[pk]) for pk in attachments if pk in attached]
    return found + [_of_document(financial[pk]) for pk in documents if pk in financial]


def sizes(workspace_id: int, attachments: Collection[int], documents: Collection[int]) -> Mapping[str, int]:
    """Bytes by key, for many messages at once."""
    attached = Attachment.objects.filter(workspace=workspace_id, pk__in=attachments).values_list("pk", "size")
    financial = Document.objects.filter(workspace=workspace_id, pk__in=documents).values_list("pk", "size")
    return {f"a{pk}": size for pk, size in attached} | {f"d{pk}": size for pk, size in financial}


def _of_attachment(row: Attachment) -> File:
    return File(f"a{row.pk}", row.name, _type(row.content_type), row.size, row.path, row.name)


def _of_document(row: Document) -> File:
    return File(f"d{row.pk}", row.name, row.content_type, row.size, row.path, str(row))


def _name(name: str) -> str:
    """A name that every system takes: no folders, no control characters, at most 120 characters."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(sign for sign in last if sign.isprintable() and sign not in '"<>:|?*').strip(" .")
    path = PurePath(plain or "file")
    return f"{path.stem[:100]}{path.suffix[:20]}".encode("utf-8", "ignore").decode()


def _type(content_type: str) -> str:
    plain = content_type.partition(";")[0].strip().lower()
    return plain if _TYPE.fullmatch(plain) else UNKNOWN_TYPE
