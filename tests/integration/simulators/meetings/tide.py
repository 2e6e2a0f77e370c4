"""Tide's preset with the payload it proposes."""

from tests.integration.simulators.meetings import Meeting
from tests.integration.simulators.plain_form import REFUSALS, filled_in

MEETINGS = (Meeting(slug="tide", settings=filled_in, refusals=REFUSALS),)
