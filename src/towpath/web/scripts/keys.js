// Keys: Ctrl/Cmd-K the palette, `/` the filter, `?` this help, `g` and a letter to go somewhere.

import { go } from "./journey.js";
import { open as openPalette } from "./palette.js";

const SEQUENCE_MS = 1200;
let awaiting = 0;

export function startKeys() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]")) openPalette();
    if (event.target.closest("[data-help-open]")) openHelp();
  });
}

// `g` and the first letter of a section that is not taken by one before it.
export function places() {
  const taken = new Map();
  for (const link of document.querySelectorAll(".rail nav a")) {
    const label = link.title;
    const letter = [...label.toLowerCase()].find((one) => /[a-z]/.test(one) && !taken.has(one));
    if (letter) taken.set(letter, { label, href: link.href });
  }
  return taken;
}

function pressed(event) {
  if ((event.key === "k" || event.key === "K") && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") return leave(event);
  if (document.querySelector("dialog[open]") || event.target.closest("input, select, textarea, [contenteditable]")) return;
  if (awaiting) {
    clearTimeout(awaiting);
    awaiting = 0;
    const place = places().get(event.key);
    if (place) {
      event.preventDefault();
      go(place.href);
    }
  } else if (event.key === "g") {
    awaiting = setTimeout(() => { awaiting = 0; }, SEQUENCE_MS);
  } else if (event.key === "/") {
    const filter = document.querySelector("main form[data-filter] input[type=search]");
    event.preventDefault();
    if (filter) filter.select();
    else openPalette();
  } else if (event.key === "?") {
    event.preventDefault();
    openHelp();
  }
}

// Esc goes back: out of an open menu, then out of a field.
function leave(event) {
  const menu = document.querySelector("details[data-menu][open]");
  if (menu) {
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  } else if (event.target.matches("input, textarea") && !event.target.closest("dialog")) {
    event.target.blur();
  }
}

function openHelp() {
  document.querySelector("details[data-menu][open]")?.removeAttribute("open");
  const dialog = document.createElement("dialog");
  dialog.className = "help-dialog";
  dialog.setAttribute("aria-labelledby", "help-title");
  const title = Object.assign(document.createElement("h2"), { id: "help-title", textContent: "Keyboard" });
  const list = document.createElement("dl");
  const rows = [["Ctrl K", "Search, go to, do"], ["/", "Filter this list"], ["?", "This help"], ["Esc", "Back"]];
  for (const [letter, { label }] of places()) rows.push([`g ${letter}`, label]);
  for (const [keys, what] of rows) {
    const term = document.createElement("dt");
    for (const key of keys.split(" ")) term.append(Object.assign(document.createElement("kbd"), { textContent: key }), " ");
    list.append(term, Object.assign(document.createElement("dd"), { textContent: what }));
  }
  const close = Object.assign(document.createElement("button"), { className: "button", type: "button", textContent: "Close", autofocus: true });
  close.addEventListener("click", () => dialog.close());
  dialog.append(title, list, close);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
