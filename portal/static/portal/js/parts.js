// Toasts, copy buttons, menus, and controls that are shown but not allowed.
const toast = (text, bad = false) => {
  const shown = document.createElement("div");
  shown.className = bad ? "toast bad" : "toast";
  shown.textContent = text;
  // Beside a modal dialog the rest of the page is inert and below it: the dialog then carries the toast.
  const host = document.querySelector("dialog[open]") ?? document.body;
  const toasts = document.getElementById("toasts");
  if (toasts.parentElement !== host) host.append(toasts);
  toasts.append(shown);
  setTimeout(() => shown.remove(), bad ? 8000 : 4000);
};
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.bad));

const copy = async (text) => {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http from another machine has no clipboard: the older way still works there.
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
};

document.addEventListener("click", async (event) => {
  const refused = event.target.closest("[aria-disabled=true]");
  if (refused) {
    event.preventDefault();
    if (refused.title) toast(refused.title, true);
    return;
  }
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await copy(document.getElementById(button.dataset.copy).textContent.trim());
    toast("Copied");
  } catch {
    toast("The browser did not allow copying: select the text instead.", true);
  }
});

// A menu is a <details>: it works without this, and closes on a click elsewhere and on Escape with it.
const openMenus = () => document.querySelectorAll("details.menu[open]");
document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("htmx:beforeRequest", () => {
  for (const menu of openMenus()) menu.open = false;
});
