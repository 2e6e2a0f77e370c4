// allauth's scripts tell failures to the console only; people need them on the page.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const place = document.getElementById("passkey-error");
  const { name, message } = event.detail.exception;
  const isHere = location.protocol === "https:" || location.hostname === "localhost";
  place.textContent = isHere || name === "NotAllowedError"
    ? `The passkey was not used: ${message}`
    : "Browsers know passkeys on https addresses and on http://localhost only.";
  place.hidden = false;
});
