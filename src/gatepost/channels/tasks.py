"""The jobs of the slice."""

from gatepost.channels import accounts, mail_store, mailing, portal_entrance
from gatepost.jobs.app import Work, job


@job(accounts.JOB, priority=1)
def send_mails(work: Work, *, account_id: int) -> None:
    mailing.run(work, account_id)


@job(portal_entrance.JOB, priority=2)
def send_portal_link(work: Work, *, request_id: int) -> None:
    portal_entrance.answer(request_id)


@job("channels.keep-order", every="* * * * *")
def keep_order(work: Work) -> None:
    """What waits without anybody to send it is taken up; what came too late expires; what is old is forgotten."""
    mail_store.expire()
    for account_id in mail_store.waiting_accounts():
        accounts.wake(account_id)
    mailing.close_idle()
    portal_entrance.forget_old()
