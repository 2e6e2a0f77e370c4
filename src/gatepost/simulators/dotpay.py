"""A plain form in place of Dotpay's sending interface, of which nothing is known."""

from gatepost.simulators.plain_form import plain_form

simulator = plain_form("dotpay", "Dotpay")
