"""Pages: the price list, what a segment costs by the beginning of the number and by gateway."""

from typing import Any, Final

from django import forms
from django.contrib import messages as notices
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.campaigns import prices
from gatepost.campaigns.export import price_lines
from gatepost.gateways.countries import country_name
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import show_problem
from gatepost.problems import Fault, Problem
from gatepost.sms.dialling import countries_of_code
from gatepost.sms.msisdn import calling_code, country_of
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.permissions import Right

PER_PAGE: Final = 50


class PriceForm(forms.Form):
    """One line of the list."""

    # Declared fields are taken off the class, so that the prefix of the form itself stays what it is.
    prefix = forms.CharField(  # type: ignore[assignment]
        label="Prefix",
        max_length=20,
        required=False,
        help_text="The first digits of the numbers, such as 48 or 4860; empty: every number.",
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    gateway = forms.ChoiceField(label="Gateway", required=False)
    price = forms.CharField(
        label="Price per segment",
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    currency = forms.CharField(label="Currency", max_length=3, help_text="Three letters, such as EUR.")

    def __init__(self, workspace: Workspace, data: Any = None) -> None:
        super().__init__(data, initial={"currency": prices.currency_of(workspace)})
        field = self.fields["gateway"]
        assert isinstance(field, forms.ChoiceField)
        named = workspace.gateways.order_by("name").values_list("pk", "name")
        field.choices = [("", "Every gateway"), *((str(pk), name) for pk, name in named)]


@page("prices/", "prices", Right.CAMPAIGNS_READ, writes=Right.WORKSPACE_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def show_prices(request: PageRequest) -> HttpResponse:
    """The list; POST sets the price of a prefix, a new one or one that is there."""
    asker = request.asker
    if request.method != "POST":
        return _shown(request)
    form = PriceForm(asker.workspace, request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            row = prices.save(
                asker.workspace,
                prefix=said["prefix"],
                amount=said["price"],
                currency=said["currency"],
                gateway_id=int(said["gateway"]) if said["gateway"] else None,
                actor=asker.actor,
            )
        except Problem as problem:
            show_problem(form, problem)
        else:
            where = f"+{row.prefix}" if row.prefix else "every number"
            notices.success(request, f"A segment to {where} costs {prices.plain(row.amount)} {row.currency} now.")
            return _back(request)
    return _shown(request, form=form)


@page("prices/<int:price>/delete/", "price-delete", Right.WORKSPACE_WRITE)
@require_POST
def delete(request: PageRequest, price: int) -> HttpResponse:
    """Forget a price."""
    asker = request.asker
    prices.delete(prices.find(asker.workspace, min(price, 2**63 - 1)), actor=asker.actor)
    notices.success(request, "The price was removed.")
    return _back(request)


@page("prices/import/", "prices-import", Right.WORKSPACE_WRITE)
@require_POST
def take_table(request: PageRequest) -> HttpResponse:
    """Set the prices of a CSV table, chosen as a file or pasted: all of it or nothing."""
    asker = request.asker
    try:
        count = prices.read_table(
            asker.workspace, _content(request), replace="replace" in request.POST, actor=asker.actor
        )
    except Problem as problem:
        return _shown(request, trouble=problem)
    notices.success(request, f"{count} price{'' if count == 1 else 's'} taken from the table.")
    return redirect("prices", workspace=asker.workspace.pk)


@page("prices/export.csv", "prices-export", Right.CAMPAIGNS_READ)
@require_safe
def export(request: PageRequest) -> StreamingHttpResponse:
    """The list as a table for a spreadsheet."""
    answer = StreamingHttpResponse(price_lines(request.asker.workspace), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="prices.csv"'
    return answer


def _back(request: PageRequest) -> HttpResponse:
    """The page of the list that was open."""
    answer = redirect("prices", workspace=request.asker.workspace.pk)
    number = request.GET.get("page", "")
    if number.isascii() and number.isdecimal() and len(number) < 6:
        answer["Location"] += f"?page={number}"
    return answer


def _content(request: PageRequest) -> bytes:
    """The table. Raises Problem `no_file` or `body_too_large`."""
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile):
        if (file.size or 0) > prices.LONGEST_TABLE:
            raise Problem("body_too_large", "A price list has at most 2 MiB.")
        content: bytes = file.read()
        return content
    pasted = request.POST.get("table", "").strip()
    if not pasted:
        raise Problem(
            "invalid", faults=[Fault("file", "no_file", "There is no table: choose a file, or paste its lines.")]
        )
    return pasted.encode()


def _shown(request: PageRequest, form: PriceForm | None = None, trouble: Problem | None = None) -> HttpResponse:
    workspace = request.asker.workspace
    rows = prices.listed(workspace)
    part = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": [(row, prices.plain(row.amount), _place(row.prefix)) for row in part],
        "part": part,
        "form": form or PriceForm(workspace),
        "trouble": trouble,
        "is_cut": trouble is not None and len(trouble.faults) == prices.MOST_FAULTS,
        "most_faults": prices.MOST_FAULTS,
        "pasted": request.POST.get("table", ""),
        "wants_replaced": "replace" in request.POST,
        "may_write": request.asker.has(Right.WORKSPACE_WRITE),
    }
    failed = trouble.status if trouble else 422 if form else 200
    return render(request, "campaigns/prices.html", context, status=failed)


def _place(prefix: str) -> str:
    """Where such numbers are; empty where the prefix does not tell."""
    code = calling_code(prefix) if prefix else None
    countries = countries_of_code(code) if code else ()
    if not countries:
        return ""
    main = country_name(countries[0])
    if len(countries) == 1:
        return main
    if prefix == code:
        return f"{main} and others"
    found = country_of(prefix)
    return country_name(found) if found and found != countries[0] else ""
