"""A plain form in place of SberMobile's interface, of which nothing is known."""

from gatepost.simulators.plain_form import plain_form

simulator = plain_form("sbermobile", "SberMobile")
