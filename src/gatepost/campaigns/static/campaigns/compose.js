// A draft that cannot reach the server, or that the server cannot keep as a whole, is kept in the browser together with
// the version that it is a change of; it is handed in when the page is opened again. A button that leads on waits until
// everything is saved: two savings at once would take each other for somebody else's.
(() => {
  const form = document.getElementById("mass");
  const NOT_KEPT = ["csrfmiddlewaretoken", "attachment", "do", "f-do"];
  const HANDED_IN = "mass-draft-handed-in";
  const RETRY_MS = 5000;
  let page = form.querySelector("#draft-fields").dataset.page;
  let isBusy = false;
  let isWritten = false; // since the last request began
  let pressed = null;

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

  const isFromSaving = (xhr) => xhr.status === 200 && new URL(xhr.responseURL).pathname === form.getAttribute("action");

  // The switch follows the gateway that is chosen, until somebody sets it.
  const shorten = form.elements.shorten;
  const withLinks = JSON.parse(shorten.dataset.onWith);
  const isOn = () => form.elements.send_to.value === "sms" && withLinks.includes(form.elements.gateway.value);
  let follows = shorten.checked === isOn();
  form.addEventListener("change", ({ target }) => {
    if (target === shorten) follows = false;
    else if (follows && ["gateway", "send_to"].includes(target.name)) shorten.checked = isOn();
  });

  // What the button was to do, although the button itself may be gone from the page meanwhile.
  const leave = () => {
    const button = document.createElement("button");
    [button.hidden, button.name, button.value] = [true, pressed.name, pressed.value];
    pressed = null;
    form.append(button);
    form.requestSubmit(button);
    button.remove();
  };

  form.addEventListener("input", () => {
    isWritten = true;
    keep();
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "attachment") {
      if (event.target.files.length) form.requestSubmit(document.getElementById("attach"));
      return;
    }
    isWritten = true;
    keep();
  });
  form.addEventListener("submit", (event) => {
    if (!isBusy && !isWritten) return;
    event.preventDefault();
    pressed = event.submitter || { name: "do", value: "keep" };
    isWritten = true;
    htmx.trigger(form, "save");
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt !== form) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    isBusy = true;
    isWritten = false;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.requestConfig.elt === form && !isFromSaving(event.detail.xhr)) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== form) return;
    isBusy = false;
    const xhr = event.detail.xhr;
    if (isFromSaving(xhr)) {
      forget();
      page = form.querySelector("#draft-fields").dataset.page;
      if (isWritten || document.getElementById("saved").dataset.saved !== "yes") keep();
    } else {
      keep();
      say(`${xhr.status ? "It could not be saved; load the page again." : "The server cannot be reached."} What you write is kept in this browser.`);
    }
    if (!xhr.status) {
      pressed = null;
      isWritten = true;
      setTimeout(() => htmx.trigger(form, "save"), RETRY_MS);
    } else if (pressed && !isWritten) {
      leave();
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-drop-copy]")) forget();
  });

  const handIn = () => {
    const kept = localStorage.getItem(key());
    if (!kept || form.dataset.filled) return;
    const other = document.createElement("form");
    other.method = "post";
    other.action = form.action;
    other.hidden = true;
    const token = ["csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value];
    for (const [name, value] of [...JSON.parse(kept), token, ["do", "hand-in"]]) {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = value;
      other.append(field);
    }
    sessionStorage.setItem(HANDED_IN, key());
    document.body.append(other);
    other.submit();
  };

  // The address that the server leads to once it has saved what was handed in.
  if (location.hash === "#kept") {
    for (const name of [sessionStorage.getItem(HANDED_IN), key()]) localStorage.removeItem(name);
    sessionStorage.removeItem(HANDED_IN);
    history.replaceState(history.state, "", location.pathname);
  }
  handIn();
})();
