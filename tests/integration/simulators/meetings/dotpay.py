"""Dotpay's preset, filled in as an operator would for a plain form."""

from tests.integration.simulators.meetings import Meeting
from tests.integration.simulators.plain_form import REFUSALS, filled_in

MEETINGS = (Meeting(slug="dotpay", settings=filled_in, refusals=REFUSALS),)
