"""Check and balance of a saved gateway: what they found is kept, and logged where its debug log is on."""

from gatepost.gateways import balance, services, sms_log
from gatepost.gateways.check import run_check
from gatepost.gateways.models import Gateway
from gatepost.gateways.trials import TrialResult


def check_saved(gateway: Gateway) -> TrialResult:
    """Check the saved settings. Raises Problem `not_supported` or `secret_unreadable`."""
    return _kept(gateway, run_check(services.runtime(gateway), verify_tls=gateway.verify_tls))


def balance_of_saved(gateway: Gateway) -> TrialResult:
    """Ask for the balance now. Raises Problem `not_supported` or `secret_unreadable`."""
    return _kept(gateway, balance.run_balance(services.runtime(gateway), verify_tls=gateway.verify_tls))


def _kept(gateway: Gateway, result: TrialResult) -> TrialResult:
    if result.balance is not None:
        balance.note(gateway, result.balance)
    if gateway.debug:
        sms_log.write(gateway.pk, gateway.name, [step.trace for step in result.steps])
    return result
