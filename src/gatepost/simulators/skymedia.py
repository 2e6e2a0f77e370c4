"""A plain form in place of Sky Media's interface, of which nothing is known."""

from gatepost.simulators.plain_form import plain_form

simulator = plain_form("skymedia", "Sky Media")
