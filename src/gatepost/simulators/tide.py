"""A plain form in place of Tide's interface, of which nothing is known."""

from gatepost.simulators.plain_form import plain_form

simulator = plain_form("tide", "Tide")
