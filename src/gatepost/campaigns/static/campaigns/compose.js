// A draft that cannot reach the server, or that the server cannot keep as a whole, is kept in the browser; it is handed
// in when the page is opened again.
(() => {
  const form = document.getElementById("mass");
  const NOT_KEPT = ["csrfmiddlewaretoken", "version", "attachment", "do", "f-do"];
  const RETRY_MS = 5000;
  let page = form.querySelector("#draft-fields").dataset.page;

  const key = () => `mass-draft:${page}`;
  const forget = () => localStorage.removeItem(key());
  const keep = () => {
    const entries = [...new FormData(form)].filter(([name]) => !NOT_KEPT.includes(name));
    localStorage.setItem(key(), JSON.stringify(entries));
  };

  const say = (words) => {
    const saved = document.getElementById("saved");
    saved.dataset.saved = "no";
    saved.textContent = words;
  };

  // The switch follows the gateway that is chosen, until somebody sets it.
  const shorten = form.elements.shorten;
  const withLinks = JSON.parse(shorten.dataset.onWith);
  const isOn = () => form.elements.send_to.value === "sms" && withLinks.includes(form.elements.gateway.value);
  let follows = shorten.checked === isOn();
  form.addEventListener("change", ({ target }) => {
    if (target === shorten) follows = false;
    else if (follows && ["gateway", "send_to"].includes(target.name)) shorten.checked = isOn();
  });

  form.addEventListener("input", keep);
  form.addEventListener("change", (event) => {
    if (event.target.name === "attachment" && event.target.files.length) form.requestSubmit(document.getElementById("attach"));
    else keep();
  });
  form.addEventListener("submit", forget);

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== form) return;
    if (event.detail.successful) return;
    if (event.detail.xhr.status) return;
    say("The server cannot be reached. What you write is kept in this browser.");
    setTimeout(() => htmx.trigger(form, "save"), RETRY_MS);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id !== "saved") return;
    if (document.getElementById("saved").dataset.saved === "yes") forget();
    page = form.querySelector("#draft-fields").dataset.page;
  });

  const handIn = () => {
    const kept = localStorage.getItem(key());
    if (!kept || form.dataset.filled) return;
    const other = document.createElement("form");
    other.method = "post";
    other.action = form.action;
    other.hidden = true;
    const hidden = ["csrfmiddlewaretoken", "version"].map((name) => [name, form.elements[name].value]);
    for (const [name, value] of [...JSON.parse(kept), ...hidden, ["do", "keep"]]) {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = value;
      other.append(field);
    }
    forget();
    document.body.append(other);
    other.submit();
  };

  handIn();
})();
