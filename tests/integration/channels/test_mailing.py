"""Mails on their way: accepted, refused, put off, lost in the middle; and never sent twice."""

import contextlib
import socket
import ssl
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import trustme
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.integration.channels.conftest import NobodyStops, Post, run, settings_of, states
from tests.support.mail_server import PASSWORD, Box, mail_server
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.audience import contacts, documents
from gatepost.channels import accounts, attachments, mail_store, mailing, tasks, unsubscribing
from gatepost.channels.base import Order, Piece, Run
from gatepost.channels.mail import Email
from gatepost.channels.models import EmailAccount, Mail, MailEvent
from gatepost.sms.states import State, Word

pytestmark = pytest.mark.django_db


def due_again(mails: list[Mail]) -> None:
    Mail.objects.filter(pk__in=[mail.pk for mail in mails]).update(next_at=timezone.now())
    EmailAccount.objects.update(retry_at=None)


def test_mails_leave_over_one_connection_and_say_what_the_server_said(
    box: Box, account: EmailAccount, post: Post
) -> None:
    mails = post("ann@x.example", "bob@x.example", "eve@x.example")
    run(account)
    assert states(mails) == ["submitted"] * 3
    assert sorted(box.recipients) == ["ann@x.example", "bob@x.example", "eve@x.example"]
    assert box.connections == 1
    first = Mail.objects.get(pk=mails[0].pk)
    assert (first.code, first.attempts, first.submitted_at is not None) == ("250", 1, True)
    assert "queued as" in first.words


def test_the_connection_is_kept_for_the_next_job_and_replaced_where_it_has_gone(
    box: Box, account: EmailAccount, post: Post
) -> None:
    post("ann@x.example")
    run(account)
    post("bob@x.example")
    run(account)
    assert box.connections == 1
    mailing._KEPT[account.pk].backend.connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
    mails = post("eve@x.example")
    run(account)
    assert states(mails) == ["submitted"]
    assert (box.connections, len(box.accepted)) == (2, 3)


def test_what_is_refused_for_good_says_why_and_what_to_do(box: Box, account: EmailAccount, post: Post) -> None:
    box.rcpt["gone@x.example"] = "550 5.1.1 no such user here"
    box.data["spam@x.example"] = "554 5.7.1 looks like spam"
    mails = post("gone@x.example", "spam@x.example", "ann@x.example")
    run(account)
    assert states(mails) == ["rejected", "rejected", "submitted"]
    gone = Email().standings([mails[0].pk])[mails[0].pk]
    assert gone.word is Word.ERROR
    assert gone.cause == "550 5.1.1 no such user here. The address does not exist: correct it at the contact."
    assert [event.what for event in MailEvent.objects.filter(mail_id=mails[1].pk)] == ["refused"]


def test_a_mail_that_cannot_be_written_down_keeps_no_other_waiting(
    north: Tenant, box: Box, account: EmailAccount, post: Post
) -> None:
    report = attachments.add(north.workspace, "report", "message/delivery-status", [b"x"], actor=ACTOR)
    mails = post("eve@x.example", "ann@x.example") + post("bob@x.example", attachments=(report.pk,))
    Mail.objects.filter(pk=mails[0].pk).update(to_address='"=?utf-8?q?=0a?="@x.example')
    run(account)
    assert states(mails) == ["rejected", "submitted", "submitted"]
    assert sorted(box.recipients) == ["ann@x.example", "bob@x.example"]


def test_what_is_refused_for_now_is_tried_again_later_until_it_expires(
    box: Box, account: EmailAccount, post: Post
) -> None:
    box.rcpt["slow@x.example"] = "451 4.7.1 greylisted, come back later"
    box.data["busy@x.example"] = "452 4.3.1 out of room"
    mails = post("slow@x.example", "busy@x.example")
    run(account)
    waits = []
    for mail in Mail.objects.filter(pk__in=[one.pk for one in mails]):
        assert (mail.state, mail.attempts) == ("queued", 1)
        waits.append(mail.next_at - timezone.now())
    assert all(timedelta(seconds=25) < wait < timedelta(seconds=95) for wait in waits)
    run(account)
    assert Mail.objects.get(pk=mails[0].pk).attempts == 1, "not before its time"
    due_again(mails)
    run(account)
    assert Mail.objects.get(pk=mails[0].pk).next_at - timezone.now() > timedelta(seconds=55)
    box.rcpt.clear()
    due_again(mails)
    run(account)
    assert states(mails) == ["submitted", "queued"]
    Mail.objects.filter(pk=mails[1].pk).update(expires_at=timezone.now(), next_at=timezone.now())
    box.data.clear()
    run(account)
    assert mail_store.expire() == 1
    assert states(mails) == ["submitted", "expired"]
    assert box.recipients == ["slow@x.example"]


def test_a_server_that_hangs_up_after_the_content_leaves_one_unknown_mail(
    box: Box, account: EmailAccount, post: Post
) -> None:
    box.drop_after_data.add("ann@x.example")
    mails = post("ann@x.example", "bob@x.example")
    run(account)
    assert states(mails) == ["unknown", "queued"]
    account.refresh_from_db()
    assert account.failures == 1
    assert account.retry_at is not None
    due_again(mails)
    run(account)
    assert states(mails) == ["unknown", "submitted"]
    assert box.recipients == ["ann@x.example", "bob@x.example"], "never twice"


def test_the_claim_is_there_before_the_content_leaves(
    box: Box, account: EmailAccount, post: Post, monkeypatch: Any
) -> None:
    seen = []
    mails = post("ann@x.example")
    data = mailing.Session.data

    def look(self: Any, content: Any) -> Any:
        before = self.before_content

        def claim() -> None:
            before()
            seen.append((states(mails), len(box.accepted)))

        self.before_content = claim
        return data(self, content)

    monkeypatch.setattr(mailing.Session, "data", look)
    run(account)
    assert seen == [(["submitting"], 0)]


def test_what_a_dead_process_was_sending_is_unknown_and_stays_so(box: Box, account: EmailAccount, post: Post) -> None:
    mails = post("ann@x.example", "bob@x.example")
    assert mail_store.claim(mails[0].pk, 0)
    run(account)
    assert states(mails) == ["unknown", "submitted"]
    run(account)
    assert box.recipients == ["bob@x.example"]


def test_who_was_taken_for_dead_can_only_finish_what_was_theirs(box: Box, account: EmailAccount, post: Post) -> None:
    taken = mailing.Reply(mailing.Verdict.TAKEN, "250", "queued")
    later = mailing.Reply(mailing.Verdict.LATER, "451", "later")
    mails = post("ann@x.example", "bob@x.example")
    assert mail_store.claim(mails[0].pk, 0)
    run(account)
    mail_store.record(mails[0].pk, 0, taken, is_claimed=True)
    assert states(mails) == ["submitted", "submitted"], "the truth about its own attempt counts"
    assert not mail_store.claim(mails[1].pk, 0)
    mail_store.record(mails[1].pk, 0, later, is_claimed=False)
    mail_store.record(mails[1].pk, 0, later, is_claimed=True)
    assert states(mails) == ["submitted", "submitted"]


def test_a_mail_that_is_cancelled_before_the_line_does_not_leave(box: Box, account: EmailAccount, post: Post) -> None:
    mails = post("ann@x.example", "bob@x.example", order={"campaign_id": 7})
    box.before_answer = None
    campaign = Run(account.workspaces.get().pk, 7, timezone.now())
    assert Email().hold(campaign, True) == 2
    run(account)
    assert box.accepted == []
    assert Email().tally(campaign) == {State.QUEUED: 2}
    assert Email().hold(campaign, False) == 2
    Mail.objects.filter(pk=mails[0].pk).update(next_at=F("next_at") + timedelta(hours=1))
    run(account)
    assert Email().cancel(campaign, actor=ACTOR) == 1
    assert Email().tally(campaign) == {State.SUBMITTED: 1, State.CANCELLED: 1}
    assert Email().having([mail.pk for mail in mails], [State.CANCELLED]) == {mails[0].pk}


def test_a_server_that_is_away_makes_mails_wait_and_the_account_rest(
    box: Box, account: EmailAccount, post: Post
) -> None:
    mails = post("ann@x.example")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        EmailAccount.objects.update(port=closed.getsockname()[1])
        run(account)
    account.refresh_from_db()
    assert account.trouble == "Connection refused"
    assert states(mails) == ["queued"]
    assert Mail.objects.get(pk=mails[0].pk).attempts == 0
    assert ProcrastinateJob.objects.filter(task_name=accounts.JOB, status="todo").exclude(scheduled_at=None).exists()
    run(account)
    account.refresh_from_db()
    assert account.failures == 1, "left alone while it rests"
    accounts.update_account(account, actor=ACTOR, settings={"port": box.port, "password": PASSWORD})
    run(account)
    assert states(mails) == ["submitted"]


def test_a_wrong_password_is_the_accounts_trouble_and_no_mails(box: Box, account: EmailAccount, post: Post) -> None:
    accounts.update_account(account, actor=ACTOR, settings={"password": "wrong"})
    mails = post("ann@x.example")
    run(account)
    account.refresh_from_db()
    assert account.trouble.startswith("The server refused the login: 535")
    assert "wrong" not in account.trouble
    assert states(mails) == ["queued"]


def test_private_addresses_are_out_of_reach_unless_the_operator_allows_them(
    box: Box, account: EmailAccount, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", ())
    mails = post("ann@x.example")
    for host in ("127.0.0.1", "localhost", "::ffff:127.0.0.1"):
        EmailAccount.objects.update(host=host, retry_at=None)
        run(account)
        account.refresh_from_db()
        assert "GATEPOST_EGRESS_ALLOW" in account.trouble, host
    assert (states(mails), box.connections) == (["queued"], 0)
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", (f"127.0.0.1:{box.port}",))
    accounts.update_account(account, actor=ACTOR, settings={"host": "127.0.0.1", "password": PASSWORD})
    run(account)
    assert states(mails) == ["submitted"]


def test_workspaces_and_campaigns_take_turns_and_codes_go_first(box: Box, north: Tenant, account: EmailAccount) -> None:
    south = tenant("South")
    account.workspaces.add(south.workspace)
    for workspace, campaign, count in ((north, 1, 30), (north, 2, 4), (south, 3, 4)):
        pieces = [Piece(0, f"{campaign}-{n}@x.example", "Hello", "News") for n in range(count)]
        Email().post(Order(workspace.workspace.pk, campaign_id=campaign), pieces)
    Email().post(Order(north.workspace.pk, kind="system", priority="code"), [Piece(0, "code@x.example", "1", "Code")])
    order = [Mail.objects.get(pk=pk).to_address for pk in mail_store.next_ids(account.pk, 12)]
    assert order[0] == "code@x.example"
    by = [address.partition("-")[0] for address in order[1:]]
    assert {campaign: by[:8].count(campaign) for campaign in "123"} == {"1": 2, "2": 2, "3": 4}


def test_what_nobody_was_asked_to_send_is_found_by_the_minute(box: Box, account: EmailAccount, post: Post) -> None:
    mails = post("ann@x.example", "bob@x.example")
    assert mail_store.waiting_accounts() == [account.pk]
    ProcrastinateJob.objects.all().delete()
    tasks.keep_order(NobodyStops())  # type: ignore[arg-type]
    assert ProcrastinateJob.objects.filter(task_name=accounts.JOB, status="todo").count() == 1
    Mail.objects.filter(pk=mails[0].pk).update(next_at=timezone.now() + timedelta(hours=1))
    Mail.objects.filter(pk=mails[1].pk).update(held="campaign paused")
    assert mail_store.waiting_accounts() == []
    assert mail_store.claim(mails[0].pk, 0)
    assert mail_store.waiting_accounts() == [account.pk], "what a dead process was sending"


def test_sending_is_off_for_a_workspace_an_account_or_everybody(
    box: Box, north: Tenant, account: EmailAccount, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = post("ann@x.example")
    north.workspace.sending_enabled = False
    north.workspace.save()
    run(account)
    north.workspace.sending_enabled = True
    north.workspace.save()
    EmailAccount.objects.update(is_active=False)
    run(account)
    EmailAccount.objects.update(is_active=True)
    monkeypatch.setitem(settings.CONFIG, "SENDING_ENABLED", False)
    run(account)
    assert (states(mails), box.connections) == (["queued"], 0)


def test_a_mail_says_who_and_what_and_how_to_end_it(box: Box, north: Tenant, account: EmailAccount, post: Post) -> None:
    accounts.update_account(
        account, actor=ACTOR, settings={"bounce_address": "bounce@north.example", "reply_to": "desk@north.example"}
    )
    ann = contacts.create(north.workspace, {"full_name": "Ann", "email": "ann@x.example"}, actor=ACTOR)
    invoice = documents.add_document(
        ann,
        kind="invoice",
        number="7",
        day="2026-01-31",
        amount="1",
        name="i.pdf",
        content=[b"%PDF-1.4 x"],
        actor=ACTOR,
    )
    plan = attachments.add(north.workspace, 'we"ird/../plan\r\nBcc: x.txt', "text/plain", [b"the plan"], actor=ACTOR)
    [mail] = post(
        "ann@x.example",
        text="Look: https://north.example/a?b=1&c=<2>.\n\n<script>alert(1)</script>",
        subject="Łódź\r\nBcc: eve@x.example",
        attachments=(plan.pk,),
        documents=(invoice.pk,),
    )
    run(account)
    [sent], [envelope] = box.messages, box.accepted
    assert envelope.mail_from == "bounce@north.example"
    assert envelope.rcpt_tos == ["ann@x.example"]
    assert sent["Bcc"] is None
    assert sent["Subject"] == "Łódź Bcc: eve@x.example"
    assert (sent["From"], sent["To"], sent["Reply-To"]) == (
        "North <news@north.example>",
        "ann@x.example",
        "desk@north.example",
    )
    html = sent.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<script>" not in html
    assert '<a href="https://north.example/a?b=1&amp;c=">' in html
    assert [part.get_filename() for part in sent.iter_attachments()] == ["planBcc x.txt", "i.pdf"]
    assert [part.get_content_type() for part in sent.iter_attachments()] == ["text/plain", "application/pdf"]
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = sent["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert unsubscribing.read(token) == (north.workspace, "ann@x.example")
    assert Mail.objects.get(pk=mail.pk).subject == "Łódź Bcc: eve@x.example"


def test_whoever_has_ended_mass_mails_gets_none_and_single_ones_still(
    box: Box, north: Tenant, account: EmailAccount, post: Post
) -> None:
    waiting = post("ann@x.example")
    unsubscribing.suppress(north.workspace, "ann@x.example", source="recipient", actor="recipient")
    [refused] = Email().post(Order(north.workspace.pk), [Piece(0, "ann@x.example", "Hello", "News")])
    assert getattr(refused, "reason", None) == "suppressed"
    single = post("ann@x.example", order={"kind": "single"})
    run(account)
    assert states(waiting + single) == ["blocked", "submitted"]


def test_a_file_that_is_gone_is_told_before_and_at_sending(
    box: Box, north: Tenant, account: EmailAccount, post: Post
) -> None:
    plan = attachments.add(north.workspace, "plan.txt", "text/plain", [b"the plan"], actor=ACTOR)
    mails = post("ann@x.example", attachments=(plan.pk,))
    attachments.forget(plan)
    run(account)
    assert states(mails) == ["rejected"]
    assert Mail.objects.get(pk=mails[0].pk).words == "A file that belongs to the mail was deleted."
    order = Order(north.workspace.pk)
    [gone] = Email().check(order, [Piece(0, "ann@x.example", "Hello", "News", attachments=(plan.pk,))])
    assert getattr(gone, "reason", None) == "too_large"


def test_tls_is_spoken_and_the_certificate_is_looked_at(north: Tenant, post: Post) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with mail_server(tls_context=context, require_starttls=True) as box:
        made = accounts.create_account(
            [north.workspace], "Secure", settings_of(box, tls="starttls", verify_tls=False), actor=ACTOR
        )
        mails = post("ann@x.example")
        run(made)
        assert states(mails) == ["submitted"]
        accounts.update_account(made, actor=ACTOR, settings={"verify_tls": True})
        post("bob@x.example")
        run(made)
        made.refresh_from_db()
        assert made.trouble.startswith("The server's certificate does not hold")
        assert box.recipients == ["ann@x.example"]


def _talking(port_of: list[int], script: list[bytes], seen: list[bytes]) -> threading.Thread:
    """A server that says these lines, one per line that it hears."""
    listening = socket.create_server(("127.0.0.1", 0))
    port_of.append(listening.getsockname()[1])

    def serve() -> None:
        with contextlib.suppress(ConnectionError), listening, listening.accept()[0] as peer:
            peer.settimeout(10)
            for line in script:
                peer.sendall(line)
                heard = peer.recv(65536)
                seen.append(heard)
                if not heard:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "The server said"),
        (b"220-" + b"x" * 100_000, "the answer does not end"),
        (b"220-more\r\n" * 1000, "the answer does not end"),
    ],
)
def test_whatever_answers_is_survived(
    north: Tenant, account: EmailAccount, post: Post, greeting: bytes, words: str
) -> None:
    ports: list[int] = []
    thread = _talking(ports, [greeting], [])
    accounts.update_account(account, actor=ACTOR, settings={"port": ports[0], "password": PASSWORD})
    mails = post("ann@x.example")
    run(account)
    account.refresh_from_db()
    assert words in account.trouble
    assert states(mails) == ["queued"]
    thread.join(10)


def test_a_server_that_does_not_answer_the_content_in_time_leaves_it_unknown(
    box: Box, account: EmailAccount, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "EXCHANGE_S", 2.0)
    is_over = threading.Event()
    box.before_answer = lambda: is_over.wait(30)
    mails = post("ann@x.example", "bob@x.example")
    run(account)
    is_over.set()
    assert states(mails) == ["unknown", "queued"]
    assert "not known" in Mail.objects.get(pk=mails[0].pk).words


def test_an_account_sends_no_faster_than_it_is_set_to(box: Box, account: EmailAccount, post: Post) -> None:
    times: list[float] = []
    box.before_answer = lambda: times.append(time.monotonic())
    accounts.update_account(account, actor=ACTOR, settings={"mails_per_second": "5"})
    post(*(f"{n}@x.example" for n in range(5)))
    run(account)
    assert len(times) == 5
    assert times[-1] - times[0] >= 0.5


def test_when_its_time_is_over_an_account_makes_room_and_comes_back(
    box: Box, account: EmailAccount, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "SLICE_S", 0.0)
    post("ann@x.example")
    ProcrastinateJob.objects.all().delete()
    run(account)
    assert box.accepted == []
    assert ProcrastinateJob.objects.filter(task_name=accounts.JOB, status="todo", scheduled_at=None).count() == 1


def test_a_job_that_is_to_stop_leaves_nothing_in_between(box: Box, account: EmailAccount, post: Post) -> None:
    class StopsAfterTwo(NobodyStops):
        left = 3

        def check(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise InterruptedError

    mails = post("ann@x.example", "bob@x.example", "eve@x.example")
    with pytest.raises(InterruptedError):
        mailing.run(StopsAfterTwo(), account.pk)  # type: ignore[arg-type]
    assert states(mails) == ["submitted", "submitted", "queued"]
    run(account)
    assert len(box.accepted) == 3
