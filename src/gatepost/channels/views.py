"""The pages of the slice, by importing them."""

from gatepost.channels import views_accounts, views_mail, views_portal

__all__ = ["views_accounts", "views_mail", "views_portal"]
