// Behaviour of the console, by data attributes; every page works without it, only less comfortably. It runs before the
// page is there, so that no button can be pressed that does not work yet.
(() => {
  const root = document.documentElement;
  const COPIED = "Copied";
  const COPIED_MS = 4000;
  const SENT_MS = 10000;
  const DRAFTS = ["draft:", "mass-draft:"];

  const isDark = () =>
    root.dataset.theme === "dark" ||
    (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);

  const toggleTheme = () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  };

  const toggleMenu = (button) => {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    document.getElementById(button.getAttribute("aria-controls")).classList.toggle("open", !isOpen);
  };

  const copy = async (button) => {
    const source = button.dataset.copy ? button.dataset.copy : document.querySelector(button.dataset.copyFrom).textContent;
    await navigator.clipboard.writeText(source.trim());
    const label = button.querySelector("span") || button;
    if (label.textContent === COPIED) return;
    const before = label.textContent;
    label.textContent = COPIED;
    setTimeout(() => (label.textContent = before), COPIED_MS);
  };

  // What a button offers goes where the cursor is.
  const insert = (button) => {
    const area = document.getElementById(button.dataset.into);
    area.setRangeText(button.dataset.insert, area.selectionStart, area.selectionEnd, "end");
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };

  // Fields that make sense only with another field's value.
  const applyConditions = (scope) => {
    for (const field of scope.querySelectorAll("[data-when]")) {
      const other = field.form && field.form.elements[field.name.replace(/[^-]*$/, "") + field.dataset.when];
      if (!other) continue;
      const value = other.type === "checkbox" ? (other.checked ? "on" : "") : other.value;
      const wanted = field.dataset.whenValues.split("|");
      field.closest(".field").hidden = !wanted.includes(value);
    }
  };

  // What was typed survives an error, a reload and a lost connection; secrets are never kept.
  const draftKey = (form) => `draft:${location.pathname}:${form.dataset.draft}`;
  const NOT_KEPT = ["password", "hidden", "file", "submit", "button"];
  const keptFields = (form) =>
    [...form.elements].filter((field) => field.name && !NOT_KEPT.includes(field.type) && !field.dataset.secret);
  const isTicked = (field) => field.type === "checkbox" || field.type === "radio";
  const slotOf = (field) => (isTicked(field) ? `${field.name}=${field.value}` : field.name); // Several boxes share a name.
  const keepDraft = (form) => {
    const values = {};
    for (const field of keptFields(form)) values[slotOf(field)] = isTicked(field) ? field.checked : field.value;
    localStorage.setItem(draftKey(form), JSON.stringify(values));
  };
  const restoreDraft = (form) => {
    const kept = localStorage.getItem(draftKey(form));
    if (!kept) return;
    const values = JSON.parse(kept);
    for (const field of keptFields(form)) {
      const value = values[slotOf(field)];
      if (isTicked(field)) field.checked = value ?? field.checked;
      else if (value || (form.dataset.filled && value !== undefined)) field.value = value;
    }
    form.dispatchEvent(new Event("restored", { bubbles: true }));
  };

  // Somebody may have begun to type while the page was loading. Browsers fill passwords in and rewrite dates by themselves.
  const wasTypedIn = (form) => [...form.elements].some(
    (field) => field.matches("textarea, input:is([type=text], [type=tel])") && field.value !== field.defaultValue,
  );

  // A page that shows what was handed in is newer than what was kept before. Loaded again it shows the same once more, and
  // newer is what was typed since. One that was filled with what is given elsewhere ("given") stays as it is.
  const takeUp = (form) => {
    const [{ type }] = performance.getEntriesByType("navigation");
    const isHandedIn = form.dataset.filled === "yes";
    if (wasTypedIn(form) || (isHandedIn && type === "navigate")) keepDraft(form);
    else if (isHandedIn || !form.dataset.filled) restoreDraft(form);
  };

  const localTimes = (scope) => {
    const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
    for (const time of scope.querySelectorAll("time[datetime]")) {
      if (time.dataset.local) continue;
      time.dataset.local = "yes";
      time.textContent = format.format(new Date(time.dateTime));
    }
  };

  // The server reads dates that people write, and says "today", in the zone that this cookie names. A form that was
  // made before it knew carries its zone along.
  const tellZone = () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone) return;
    document.cookie = `zone=${encodeURIComponent(zone)};path=/;max-age=31536000;samesite=lax`;
    for (const field of document.querySelectorAll("input[data-zone]")) field.value = zone;
    for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = zone;
  };

  // Seconds that are left of something, counted down; the page asks the server again by itself.
  const countDown = (scope) => {
    for (const shown of scope.querySelectorAll("[data-seconds]")) {
      const end = performance.now() + 1000 * shown.dataset.seconds;
      const tick = () => {
        if (!shown.isConnected) return;
        shown.textContent = Math.max(0, Math.ceil((end - performance.now()) / 1000));
        setTimeout(tick, 250);
      };
      tick();
    }
  };

  const prepare = (scope) => {
    applyConditions(scope);
    countDown(scope);
    localTimes(scope);
    const shown = scope.matches && scope.matches("dialog[data-show]") ? scope : scope.querySelector("dialog[data-show]");
    if (shown && !shown.open) shown.showModal();
  };

  // A list whose items are dragged into another order; the hidden fields in them carry it to the form.
  let dragged = null;
  const listOf = (event) => event.target instanceof Element && event.target.closest("[data-sortable]");
  document.addEventListener("dragstart", (event) => {
    const item = event.target instanceof Element && event.target.closest("[data-sortable] > [draggable]");
    if (!item) return;
    dragged = item;
    event.dataTransfer.effectAllowed = "move";
    item.classList.add("dragged");
  });
  document.addEventListener("dragover", (event) => {
    const over = event.target instanceof Element && event.target.closest("[data-sortable] > [draggable]");
    if (!dragged || !over || over === dragged || over.parentElement !== dragged.parentElement) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    over.parentElement.insertBefore(dragged, event.clientY < box.top + box.height / 2 ? over : over.nextSibling);
  });
  document.addEventListener("drop", (event) => {
    if (dragged && listOf(event) === dragged.parentElement) event.preventDefault();
  });
  document.addEventListener("dragend", () => {
    if (!dragged) return;
    const list = dragged.parentElement;
    dragged.classList.remove("dragged");
    dragged = null;
    document.getElementById(list.dataset.sortable).requestSubmit();
  });

  const checkAll = (box) => {
    for (const other of box.form.elements) {
      if (other.name === box.dataset.checkAll) other.checked = box.checked;
    }
  };

  // A list of boxes folds itself up when another place is chosen, and says what is ticked in it.
  const summarise = (picker) => {
    const ticked = [...picker.querySelectorAll("input:checked")].map((box) => box.closest("label").textContent.trim());
    picker.querySelector("[data-summary]").textContent = ticked.join(", ") || picker.dataset.none;
  };
  const foldPickers = (except) => {
    for (const picker of document.querySelectorAll("details.picker[open]")) if (picker !== except) picker.open = false;
  };
  document.addEventListener("focusin", (event) => foldPickers(event.target.closest("details.picker")));

  document.addEventListener("click", (event) => {
    foldPickers(event.target.closest("details.picker"));
    const button = event.target.closest("button, a");
    if (!button) return;
    if (button.matches("[data-theme-toggle]")) toggleTheme();
    if (button.matches(".menu-button")) toggleMenu(button);
    if (button.matches("[data-copy], [data-copy-from]")) copy(button);
    if (button.matches("[data-insert]")) insert(button);
    if (button.matches("[data-open]")) document.getElementById(button.dataset.open).showModal();
    if (button.matches("[data-close]")) button.closest("dialog").close();
    if (button.matches("[data-forget-drafts]")) {
      const isDraft = (key) => DRAFTS.some((start) => key.startsWith(start));
      Object.keys(localStorage).filter(isDraft).forEach((key) => localStorage.removeItem(key));
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const picker = event.target.closest("details.picker[open]");
      if (picker) {
        picker.open = false;
        picker.querySelector("summary").focus();
      }
    }
    // In a dialog that is part of a larger form, Enter means the dialog's own button.
    const dialog = event.key === "Enter" && !event.isComposing && event.target.matches("input") && event.target.closest("form dialog");
    if (dialog) {
      event.preventDefault();
      dialog.querySelector("button:not([type=button])").click();
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.form) {
      const main = event.target.form.querySelector("[data-ctrl-enter]");
      if (main) event.target.form.requestSubmit(main);
      return;
    }
    const isTyping = event.target.matches("input, textarea, select, [contenteditable]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = document.querySelector(`[data-hotkey="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("input")) target.focus();
    else target.click();
  });

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form && form.matches("[data-draft]")) keepDraft(form);
    if (form) applyConditions(form);
  });
  document.addEventListener("change", (event) => {
    if (!event.target.form) return;
    if (event.target.matches("[data-check-all]")) checkAll(event.target);
    if (event.target.matches(".picker input")) summarise(event.target.closest(".picker"));
    applyConditions(event.target.form);
  });
  // A second press while the answer is on its way sends nothing again; where no answer comes, the form works again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, SENT_MS);
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  document.addEventListener("htmx:load", (event) => {
    prepare(event.target);
    const form = event.target.form;
    if (form && form.matches("[data-draft]")) keepDraft(form);
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const sent of document.querySelectorAll("[data-draft-done]")) localStorage.removeItem(sent.dataset.draftDone);
    for (const form of document.querySelectorAll("form[data-draft]")) takeUp(form);
    tellZone();
    prepare(document);
  });
})();
