// The command palette: one field to go anywhere. What it offers the server says, with the visitor's
// own rights; what is chosen is an ordinary link.

import { go } from "./journey.js";

const REST_MS = 60;
let dialog = null;
let shownFor = null;

export function open() {
  if (dialog) return;
  dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", "Search or go to");
  const input = document.createElement("input");
  Object.assign(input, { type: "text", placeholder: "Search or go to", autocomplete: "off", spellcheck: false });
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-expanded": "true", "aria-controls": "palette-results", "aria-autocomplete": "list", "aria-label": "Search or go to",
  })) input.setAttribute(name, value);
  const results = document.createElement("div");
  results.id = "palette-results";
  results.className = "palette-results";
  results.setAttribute("role", "listbox");
  results.setAttribute("aria-label", "Results");
  dialog.append(input, results);
  document.body.append(dialog);

  let resting = 0;
  input.addEventListener("input", () => {
    clearTimeout(resting);
    resting = setTimeout(() => fill(input, results), REST_MS);
  });
  input.addEventListener("keydown", (event) => move(event, input, results));
  results.addEventListener("click", (event) => {
    const item = event.target.closest(".palette-item");
    if (!item || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose(item);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    dialog = null;
    shownFor = null;
  });
  dialog.showModal();
  input.focus();
  fill(input, results);
}

async function fill(input, results) {
  const asked = input.value.trim();
  const answer = await fetch(`/-/palette?q=${encodeURIComponent(asked)}`).catch(() => null);
  if (!answer?.ok || input.value.trim() !== asked) return;
  const { items } = await answer.json();
  if (input.value.trim() !== asked) return;
  shownFor = asked;
  results.replaceChildren();
  let group = "";
  for (const [at, item] of items.entries()) {
    if (item.group !== group) {
      group = item.group;
      const title = Object.assign(document.createElement("div"), { className: "palette-group", textContent: group });
      title.setAttribute("role", "presentation");
      results.append(title);
    }
    results.append(row(item, at));
  }
  if (!items.length) {
    results.append(Object.assign(document.createElement("p"), { className: "palette-none", textContent: `Nothing is called “${asked}”.` }));
  }
  mark(input, results, results.querySelector(".palette-item"));
}

function row(item, at) {
  const link = document.createElement("a");
  link.className = "palette-item";
  link.id = `palette-${at}`;
  link.href = item.href;
  link.tabIndex = -1;
  link.setAttribute("role", "option");
  link.append(Object.assign(document.createElement("span"), { textContent: item.label }));
  if (item.detail) link.append(Object.assign(document.createElement("span"), { className: "detail", textContent: item.detail }));
  return link;
}

function mark(input, results, item) {
  results.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
  item?.setAttribute("aria-selected", "true");
  item?.scrollIntoView({ block: "nearest" });
  if (item) input.setAttribute("aria-activedescendant", item.id);
  else input.removeAttribute("aria-activedescendant");
}

async function move(event, input, results) {
  const items = [...results.querySelectorAll(".palette-item")];
  const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in steps && items.length) {
    event.preventDefault();
    mark(input, results, items[(at + steps[event.key] + items.length) % items.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    // Who types faster than we answer means what was typed.
    if (input.value.trim() !== shownFor) await fill(input, results);
    const chosen = results.querySelector("[aria-selected=true]");
    if (chosen && dialog) choose(chosen);
  }
}

function choose(item) {
  dialog.close();
  go(item.href);
}
