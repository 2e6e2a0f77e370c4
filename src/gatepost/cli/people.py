"""`gatepost users` and `gatepost sign-in-link`: accounts, and the way in, for the operator of the machine."""

from datetime import timedelta
from typing import Annotated

import typer

from gatepost.cli.installation import Installation, find, open_django
from gatepost.cli.options import DataDirOption
from gatepost.cli.terminal import Refusal, out

app = typer.Typer(no_args_is_help=True, help="Accounts of people, directly on the database of this machine.")

UrlOption = Annotated[
    str | None, typer.Option("--url", help="Address of the console. [GATEPOST_PUBLIC_URL]", show_default=False)
]
_ACTOR = "operator of the machine"


@app.command("create")
def create_user(
    email: Annotated[str, typer.Argument(help="Their e-mail address, with which they sign in.")],
    administrator: Annotated[
        bool, typer.Option("--administrator", help="With every right in every workspace; the first account needs it.")
    ] = False,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make an account and print the link that signs it in once."""
    installation = find(data_dir)
    open_django(installation)
    from gatepost.workspaces import members, services

    user = services.create_user(email, is_administrator=administrator, actor=_ACTOR)
    _tell(installation, url, services.create_sign_in_link(user, members.HANDED_OVER), members.HANDED_OVER)


def sign_in_link(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Also forget the password and the second factor, and end every session."),
    ] = False,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print a link that signs a person in once. Who has a second factor is asked for it, unless with --anew."""
    installation = find(data_dir)
    open_django(installation)
    from gatepost.workspaces import members, services
    from gatepost.workspaces.models import User

    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise Refusal(f"There is no account {email}.", "Check the address.")
    if not user.is_active:
        raise Refusal(f"The account {user} is switched off.", "An administrator switches it on under Users.")
    if anew:
        token = members.let_in_anew(user, actor=_ACTOR)
    else:
        token = services.create_sign_in_link(user)
        services.audit(_ACTOR, "user.sign-in-link", user)
    _tell(installation, url, token, members.HANDED_OVER if anew else services.SIGN_IN_LIFETIME)


def _tell(installation: Installation, url: str | None, token: str, lifetime: timedelta) -> None:
    from django.urls import reverse

    settings = installation.settings
    base = (url or settings["PUBLIC_URL"] or f"http://{settings['HOST']}:{settings['PORT']}").rstrip("/")
    out.print(base + reverse("sign-in-link", args=[token]), soft_wrap=True, markup=False)
    out.print(f"It works once, within {int(lifetime.total_seconds()) // 60} minutes.", style="dim")
