"""E-mail accounts over the API and in the console: secrets, checks, tests; and bounces."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.integration.channels.conftest import Post, run, settings_of, states
from tests.support.mail_server import LOGIN, PASSWORD, Box, mail_server
from tests.support.tenants import ACTOR, Tenant

from gatepost.channels import accounts, mails
from gatepost.channels.letter import message_id
from gatepost.channels.models import EmailAccount, Mail, MailEvent
from gatepost.gateways import secrets
from gatepost.problems import Problem
from gatepost.sms.ids import to_ref
from gatepost.workspaces.models import AuditEntry, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def send(north: Tenant) -> Any:
    client = north.api()

    def ask(method: str, path: str, body: Any = None) -> Any:
        return client.generic(method, f"/api/v1{path}", json.dumps(body), "application/json")

    return ask


def test_an_account_by_the_api_never_shows_its_password(send: Any, north: Tenant, box: Box) -> None:
    made = send("POST", "/email-accounts", {"name": "Mail", **settings_of(box)})
    assert made.status_code == 201, made.content
    account = EmailAccount.objects.get()
    assert PASSWORD not in made.content.decode()
    assert made.json()["password_set_at"] is not None
    assert made.json()["is_default"], "the only one"
    assert accounts.password_of(account) == PASSWORD
    assert PASSWORD not in str(list(EmailAccount.objects.values()) + list(AuditEntry.objects.values()))
    assert send("PATCH", f"/email-accounts/{account.pk}", {"from_name": "South"}).json()["from_name"] == "South"
    account.refresh_from_db()
    assert accounts.password_of(account) == PASSWORD
    assert secrets.rotate_all() == 1
    send("PATCH", f"/email-accounts/{account.pk}", {"password": ""})
    account.refresh_from_db()
    assert accounts.password_of(account) == ""
    assert send("DELETE", f"/email-accounts/{account.pk}").status_code == 204


def test_the_first_account_stays_the_default_when_others_come(north: Tenant, account: EmailAccount, box: Box) -> None:
    workspace = north.workspace
    assert accounts.default_of(workspace.pk) == account.pk
    other = accounts.create_account([workspace], "Other", settings_of(box), actor=ACTOR)
    assert accounts.default_of(workspace.pk) == account.pk
    assert accounts.choose(workspace.pk, "") == account
    accounts.make_default(workspace, other, actor=ACTOR)
    accounts.create_account([workspace], "Third", settings_of(box), actor=ACTOR)
    assert accounts.default_of(workspace.pk) == other.pk, "who was chosen stays so"


def test_an_account_that_is_assigned_takes_no_default_away(north: Tenant, account: EmailAccount, box: Box) -> None:
    other = accounts.create_account([], "Other", settings_of(box), actor=ACTOR)
    accounts.update_account(other, actor=ACTOR, workspaces=[north.workspace])
    assert accounts.default_of(north.workspace.pk) == account.pk


def test_an_account_that_is_switched_on_takes_no_default_away(north: Tenant, account: EmailAccount, box: Box) -> None:
    settings = settings_of(box) | {"is_active": False}
    other = accounts.create_account([north.workspace], "Other", settings, actor=ACTOR)
    accounts.make_default(north.workspace, None, actor=ACTOR)
    accounts.update_account(other, actor=ACTOR, settings={"is_active": True})
    assert accounts.default_of(north.workspace.pk) == account.pk


def test_a_password_that_was_copied_into_another_row_is_refused(north: Tenant, account: EmailAccount, box: Box) -> None:
    other = accounts.create_account([north.workspace], "Other", settings_of(box), actor=ACTOR)
    other.password_token = account.password_token
    with pytest.raises(Problem, match="copied"):
        accounts.password_of(other)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("host", "", "required"),
        ("host", "smtp.example.com/../", "bad_host"),
        ("host", "smtp.example.com\r\nQUIT", "bad_characters"),
        ("from_address", "nobody", "bad_email"),
        ("from_address", "a@x.example\r\nBcc: b@x.example", "bad_characters"),
        ("from_name", "North\r\nBcc: b@x.example", "bad_characters"),
        ("bounce_address", "łódź@x.example", "bad_email"),
        ("login", "a\x00b", "bad_characters"),
    ],
)
def test_what_does_not_fit_is_told_at_its_field(north: Tenant, box: Box, field: str, value: str, code: str) -> None:
    with pytest.raises(Problem) as refused:
        accounts.create_account([north.workspace], "Mail", settings_of(box, **{field: value}), actor=ACTOR)
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [(field, code)]


def test_a_saved_password_goes_to_no_other_server(send: Any, north: Tenant, account: EmailAccount, box: Box) -> None:
    with mail_server() as foreign:
        for changes in ({"host": "localhost"}, {"port": foreign.port}, {"tls": "starttls"}):
            refused = send("PATCH", f"/email-accounts/{account.pk}", changes)
            assert refused.status_code == 422
            assert [error["code"] for error in refused.json()["errors"]] == ["secret_needed_again"]
        typed = {f"account-{key}": value for key, value in settings_of(box, port=foreign.port, password="").items()}
        url = f"/w/{north.workspace.pk}/email/{account.pk}"
        client = north.console(Role.OPERATOR)
        tried = client.post(f"{url}/try/check/", {**typed, "name": "Mail"}, headers={"HX-Request": "true"})
        assert "needed again" in tried.content.decode()
        saved = client.post(f"{url}/", {**typed, "name": "Mail"})
        assert (saved.status_code, "needed again" in saved.content.decode()) == (422, True)
        assert foreign.connections == 0
        moved = send("PATCH", f"/email-accounts/{account.pk}", {"port": foreign.port, "password": PASSWORD})
        assert moved.status_code == 200, moved.content


def test_check_goes_step_by_step_and_masks_what_is_secret(send: Any, account: EmailAccount, box: Box) -> None:
    checked = send("POST", f"/email-accounts/{account.pk}/check").json()
    assert checked["ok"], checked
    assert [step["title"] for step in checked["steps"]] == ["Connection", "Greeting", "Login", "Sender"]
    assert PASSWORD not in str(checked)
    assert box.accepted == []
    accounts.update_account(account, actor=ACTOR, settings={"password": "wrong horse"})
    failed = send("POST", f"/email-accounts/{account.pk}/check").json()
    assert (failed["ok"], failed["code"], failed["steps"][-1]["title"]) == (False, "535", "Login")
    assert "password" in failed["advice"]
    assert "wrong horse" not in str(failed)


def test_a_test_mail_goes_at_once_and_says_what_the_server_said(send: Any, account: EmailAccount, box: Box) -> None:
    box.rcpt["gone@x.example"] = "550 5.1.1 no such user"
    sent = send("POST", f"/email-accounts/{account.pk}/test", {"to": "Ann@x.example"}).json()
    assert sent["ok"], sent
    assert box.recipients == ["ann@x.example"]
    gone = send("POST", f"/email-accounts/{account.pk}/test", {"to": "gone@x.example"}).json()
    assert (gone["ok"], gone["code"], "does not exist" in gone["advice"]) == (False, "550", True)
    assert send("POST", f"/email-accounts/{account.pk}/test", {"to": "nobody"}).status_code == 422


def test_the_pages_save_try_and_keep_what_was_typed(north: Tenant, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    client, base = north.console(Role.OWNER), f"/w/{north.workspace.pk}"
    typed = {f"account-{key}": value for key, value in settings_of(box).items()} | {"name": "Mail", "is_default": "on"}
    tried = client.post(f"{base}/email/add/try/check/", typed, headers={"HX-Request": "true"}).content.decode()
    assert "Check: in order" in tried
    assert PASSWORD not in tried
    refused = client.post(f"{base}/email/add/", {**typed, "account-from_address": "nobody"})
    assert refused.status_code == 422
    shown = refused.content.decode()
    assert "This is not a full e-mail address." in shown
    assert LOGIN in shown
    assert PASSWORD not in shown
    assert client.post(f"{base}/email/add/", typed).status_code == 302
    account = EmailAccount.objects.get()
    assert accounts.chosen_default(north.workspace.pk) == account.pk
    kept = {**typed, "account-password": "", "account-from_name": "South"}
    assert client.post(f"{base}/email/{account.pk}/", kept).status_code == 302
    account.refresh_from_db()
    assert (account.from_name, accounts.password_of(account)) == ("South", PASSWORD)
    tested = client.post(f"{base}/email/{account.pk}/try/test/", {**kept, "trial_to": "ann@x.example"})
    assert "Test mail: in order" in tested.content.decode()
    listed = client.get(f"{base}/gateways/").content.decode()
    assert "E-mail" in listed
    assert f"127.0.0.1:{box.port}" in listed
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", ())
    guarded = client.post(f"{base}/email/{account.pk}/try/check/", kept, headers={"HX-Request": "true"})
    assert "GATEPOST_EGRESS_ALLOW" in guarded.content.decode()
    assert client.post(f"{base}/email/{account.pk}/delete/").status_code == 302
    assert not EmailAccount.objects.exists()


def test_deleting_an_account_cancels_what_waits_only_when_confirmed(
    send: Any, account: EmailAccount, post: Post
) -> None:
    waiting = post("ann@x.example")
    refused = send("DELETE", f"/email-accounts/{account.pk}")
    assert (refused.status_code, refused.json()["code"]) == (409, "gateway_in_use")
    assert send("DELETE", f"/email-accounts/{account.pk}?confirm=true").status_code == 204
    assert states(waiting) == ["cancelled"]


def report(mail: Mail, account: EmailAccount, *, action: str = "failed", to: str = "", ours: str = "") -> bytes:
    """A report as Postfix writes them (RFC 3464)."""
    text = (
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {to or mail.to_address}\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <x> no such\r\n user here\r\n"
    )
    boundary = "=_b"
    return (
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"\r\nMIME-Version: 1.0\r\n'
        f"\r\n--{boundary}\r\n\r\nSorry.\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n{text}\r\n"
        f"--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"Message-ID: {ours or message_id(mail, account)}\r\nSubject: News\r\n\r\n--{boundary}--\r\n"
    ).encode()


def bounced(north: Tenant, raw: bytes) -> Any:
    file = SimpleUploadedFile("bounce.eml", raw, "message/rfc822")
    return north.api().post("/api/v1/mails/bounces", {"message": file})


def test_a_bounce_makes_its_mail_undelivered_once(north: Tenant, account: EmailAccount, post: Post) -> None:
    [mail] = post("ann@x.example")
    run(account)
    answer = bounced(north, report(mail, account))
    assert answer.status_code == 200, answer.content
    assert (answer.json()["state"], answer.json()["word"]) == ("undelivered", "Error")
    assert "no such user here" in answer.json()["cause"]
    assert "does not exist" in answer.json()["cause"]
    assert bounced(north, report(mail, account)).status_code == 200
    assert MailEvent.objects.filter(mail_id=mail.pk).count() == 1


def test_a_report_names_the_domain_as_servers_write_it(north: Tenant, account: EmailAccount, post: Post) -> None:
    [mail] = post("ann@żółć.example")
    run(account)
    raw = report(mail, account, to="ann@xn--kda4b0koi.example").replace(b"no such", b"no\0such")
    answer = bounced(north, raw)
    assert (answer.status_code, answer.json()["state"]) == (200, "undelivered"), answer.content
    assert "no such user here" in answer.json()["cause"]


def test_reports_of_delay_and_delivery_are_understood(north: Tenant, account: EmailAccount, post: Post) -> None:
    mails_ = post("ann@x.example", "bob@x.example")
    run(account)
    assert bounced(north, report(mails_[0], account, action="delayed")).json()["state"] == "submitted"
    assert bounced(north, report(mails_[1], account, action="delivered")).json()["state"] == "delivered"


def test_a_bounce_that_nobody_can_prove_changes_nothing(north: Tenant, account: EmailAccount, post: Post) -> None:
    [mail] = post("ann@x.example")
    run(account)
    genuine = message_id(mail, account)
    forged = genuine.replace(genuine[18:22], "0000")
    for raw in (
        report(mail, account, ours=forged),
        report(mail, account, to="bob@x.example"),
        b"Subject: hello\r\n\r\nno report",
        b"\x00\xff" * 500,
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nx\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" * 4000,
        b"Content-Type: " + b"=?utf-8?q?a?= " * 40_000,
        b"Content-Type: " + b"(" * 20_000,
    ):
        answer = bounced(north, raw)
        assert (answer.status_code, answer.json()["code"]) == (422, "not_a_bounce"), raw
    assert states([mail]) == ["submitted"]


def test_an_unknown_mail_is_sent_again_or_left_by_a_person_only(
    north: Tenant, account: EmailAccount, post: Post, box: Box
) -> None:
    box.drop_after_data.add("ann@x.example")
    [mail] = post("ann@x.example")
    run(account)
    client, page = north.console(Role.SENDER), f"/w/{north.workspace.pk}/mail/"
    url = f"{page}{to_ref(mail.pk)}/"
    assert "Nobody knows whether it arrived" in client.get(url).content.decode()
    EmailAccount.objects.update(retry_at=None)
    box.drop_after_data.clear()
    again = client.post(f"{url}actions/", {"action": "send-again"})
    assert again.status_code == 302
    run(account)
    assert states([mail]) == ["unknown"]
    assert box.recipients == ["ann@x.example"] * 2
    client.post(f"{url}actions/", {"action": "leave"})
    assert states([mail]) == ["unconfirmed"]
    with pytest.raises(Problem):
        mails.cancel(mail, actor=ACTOR)
