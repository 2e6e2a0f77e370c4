"""The pages of the slice, by importing them."""

from gatepost.channels import views_accounts, views_mail, views_portal, views_suppressions

__all__ = ["views_accounts", "views_mail", "views_portal", "views_suppressions"]
