"""Campaigns by e-mail and to the customer portal: the same plan, expansion and states as by SMS."""

from typing import Any

import pytest
from django.conf import settings
from tests.integration.campaigns.conftest import Office, Uninterrupted
from tests.support.mail_server import mail_server
from tests.support.tenants import ACTOR

from gatepost.campaigns import running, watching
from gatepost.campaigns.models import Recipient
from gatepost.channels import accounts, mailing
from gatepost.channels.models import EmailAccount, Mail, Portal, PortalMessage
from gatepost.problems import Problem

pytestmark = pytest.mark.django_db


def account_of(office: Office, port: int, **more: Any) -> EmailAccount:
    usual = {"host": "127.0.0.1", "port": port, "tls": "none", "from_address": "news@office.example"}
    return accounts.create_account([office.workspace], "Mail", {**usual, **more}, actor=ACTOR)


def test_everybody_gets_one_mail_and_one_message_in_the_portal(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", ("127.0.0.0/8",))
    monkeypatch.setattr(mailing, "SLICE_S", 120.0)
    Portal.objects.create(workspace=office.workspace, is_open=True)
    [ann] = office.people(1, email="ann@x.example")
    [twin] = office.people(1, email="ANN@x.example")
    [silent] = office.people(1)
    with mail_server() as box:
        account = account_of(office, box.port)
        row = office.draft(send_to="portal_email", subject="To {{ first_name }}")
        assert office.forecast(row).messages == 4
        row = office.sent(row)
        mailing.run(Uninterrupted(), account.pk)  # type: ignore[arg-type]
        mailing._KEPT.pop(account.pk).backend.hang_up()
    assert box.recipients == ["ann@x.example"]
    assert box.messages[0]["Subject"] == f"To {ann.full_name.split()[0]}"
    assert Mail.objects.get().contact_id == ann.pk
    assert set(PortalMessage.objects.values_list("contact", flat=True)) == {ann.pk, twin.pk, silent.pk}
    excluded = Recipient.objects.filter(campaign=row, channel="email", item_id=None)
    assert dict(excluded.values_list("contact_id", "reason")) == {twin.pk: "duplicate", silent.pk: "no_email"}


def test_pausing_holds_the_mails_that_wait_and_resuming_lets_them_go(office: Office) -> None:
    office.people(1, email="ann@x.example")
    account_of(office, 9)
    row = office.sent(office.draft(send_to="email", subject="Works"))
    running.pause(row, actor=ACTOR)
    assert Mail.objects.get().held == "campaign paused"
    running.resume(row, actor=ACTOR)
    assert Mail.objects.get().held is None
    running.cancel(row, actor=ACTOR)
    assert Mail.objects.get().state == "cancelled"


def test_where_the_way_is_gone_it_pauses_and_says_why(office: Office) -> None:
    office.people(1, email="ann@x.example")
    account = account_of(office, 9)
    portal = Portal.objects.create(workspace=office.workspace, is_open=True)
    rows = [office.draft(send_to=name, subject="Works") for name in ("email", "portal")]
    for row in rows:
        office.forecast(row)
        running.send(row, count=1, actor=ACTOR)
    account.delete()
    portal.delete()
    by_mail, to_portal = (office.expanded(row) for row in rows)
    assert (by_mail.status, to_portal.status) == ("paused", "paused")
    assert "e-mail account" in by_mail.trouble
    assert to_portal.trouble.startswith("The customer portal is closed.")
    assert not Recipient.objects.exists()


def test_who_has_it_in_the_portal_gets_the_mail_alone_again(office: Office) -> None:
    Portal.objects.create(workspace=office.workspace, is_open=True)
    account_of(office, 9)
    [ann, _] = (office.people(1, email=f"{name}@x.example")[0] for name in ("ann", "bob"))
    row = office.sent(office.draft(send_to="portal_email", subject="Works"))
    Mail.objects.update(state="submitted")
    Mail.objects.filter(contact_id=ann.pk).update(state="undelivered")
    watching.run(row.pk)
    row.refresh_from_db()
    again = running.send_again(row, actor=ACTOR)
    assert (again.send_to, office.forecast(again).messages) == ("email", 1)
    assert set(office.sent(again, count=None).recipients.values_list("contact_id", "channel")) == {(ann.pk, "email")}


def test_without_an_account_nothing_is_sent(office: Office) -> None:
    office.people(1, email="ann@x.example")
    with pytest.raises(Problem) as refused:
        office.sent(office.draft(send_to="email", subject="Works"))
    assert any(fault.code == "no_email_account" for fault in refused.value.faults) or "e-mail account" in str(
        refused.value
    )
