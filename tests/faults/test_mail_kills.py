"""The processes that send mails are killed while a mail is on its way: it is unknown, and nobody gets one twice."""

import threading
from pathlib import Path
from typing import Any

from tests.support.installation import installation, wait_until
from tests.support.mail_server import mail_server
from tests.support.tenants import ACTOR

from gatepost.channels import accounts
from gatepost.channels.base import Order, Piece
from gatepost.channels.mail import Email
from gatepost.channels.models import Mail

COUNT = 40
AT = 15


def test_a_kill_while_a_mail_is_on_its_way_leaves_one_unknown_and_none_twice(
    tmp_path: Path, django_db_setup: None, django_db_blocker: Any
) -> None:
    is_on_its_way, may_go_on = threading.Event(), threading.Event()
    with (
        django_db_blocker.unblock(),
        mail_server() as box,
        installation(tmp_path, egress=["127.0.0.0/8"]) as running,
    ):
        settings = {"host": "127.0.0.1", "port": box.port, "tls": "none", "from_address": "news@north.example"}
        accounts.create_account([running.workspace], "Mail", settings, actor=ACTOR)

        def stand_still() -> None:
            """The content of one mail is there, and its answer is not given before the process is dead."""
            if len(box.accepted) == AT and not is_on_its_way.is_set():
                is_on_its_way.set()
                assert may_go_on.wait(60)

        box.before_answer = stand_still
        pieces = [Piece(0, f"{number}@x.example", "Hello", "News") for number in range(COUNT)]
        Email().post(Order(running.workspace.pk), pieces)
        worker = running.start_worker()
        assert is_on_its_way.wait(60), worker.last_words()
        worker.kill()
        may_go_on.set()
        running.start_worker()
        done = Mail.objects.exclude(state__in=["queued", "submitting"])
        wait_until(lambda: done.count() == COUNT, 90, "every mail to be settled")
        unknown = list(Mail.objects.filter(state="unknown").values_list("to_address", flat=True))
        assert len(unknown) == 1
        assert Mail.objects.filter(state="submitted").count() == COUNT - 1
        assert len(box.recipients) == len(set(box.recipients)), "nobody got one twice"
        assert set(box.recipients) | set(unknown) == {piece.address for piece in pieces}, "none is missing"
