"""`gatepost sign-in-link`: the way in for who is locked out, for the operator of the machine."""

from typing import Annotated

import typer

from gatepost.cli.installation import find, open_django
from gatepost.cli.options import DataDirOption
from gatepost.cli.terminal import Refusal, out

_ACTOR = "operator of the machine"


def sign_in_link(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Also forget the password and the second factor, and end every session."),
    ] = False,
    url: Annotated[
        str | None, typer.Option(help="Address of the console. [GATEPOST_PUBLIC_URL]", show_default=False)
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print a link that signs a person in once. Who has a second factor is asked for it, unless with --anew."""
    installation = find(data_dir)
    open_django(installation)
    from django.urls import reverse

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
    settings = installation.settings
    base = (url or settings["PUBLIC_URL"] or f"http://{settings['HOST']}:{settings['PORT']}").rstrip("/")
    out.print(base + reverse("sign-in-link", args=[token]), soft_wrap=True, markup=False)
    lifetime = members.HANDED_OVER if anew else services.SIGN_IN_LIFETIME
    out.print(f"It works once, within {int(lifetime.total_seconds()) // 60} minutes.", style="dim")
