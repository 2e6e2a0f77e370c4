"""A plain form in place of TeleCube's call for SMS, of which nothing is known."""

from gatepost.simulators.plain_form import plain_form

simulator = plain_form("telecube", "TeleCube.pl")
