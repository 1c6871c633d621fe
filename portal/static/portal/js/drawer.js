// The drawer is a <dialog>: the browser keeps the focus inside and closes it on Escape.
const drawer = () => document.getElementById("drawer");
let opener = null;
let home = null;

const open = () => {
  const dialog = drawer();
  if (dialog.matches(":modal")) return;
  dialog.removeAttribute("open");
  dialog.showModal();
};

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "drawer-body" || drawer().matches(":modal")) return;
  opener = event.detail.elt.id;
  home = location.pathname + location.search;
  event.detail.target.replaceChildren(document.getElementById("loading").content.cloneNode(true));
  open();
});

document.addEventListener("click", (event) => {
  const dialog = drawer();
  if (!dialog) return;
  if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
});

// The address goes back to the list, and the focus to where the drawer was opened from.
document.addEventListener("close", (event) => {
  if (event.target.id !== "drawer") return;
  const back = home ?? event.target.querySelector("[data-back]")?.dataset.back;
  if (back && back !== location.pathname + location.search) history.pushState({ htmx: true }, "", back);
  document.getElementById("drawer-body").replaceChildren();
  document.body.append(document.getElementById("toasts"));
  if (opener) document.getElementById(opener)?.focus();
  opener = home = null;
}, true);

if (drawer()?.hasAttribute("open")) open();
