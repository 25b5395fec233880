// The command palette: one field to go anywhere and to do anything. What it offers the server says,
// with the visitor's own rights; what is chosen is a link, a form that is sent, or a text to copy.

import { go, show } from "./journey.js";

const REST_MS = 60;
const RECENT_MAX = 5;
const KEPT_MAX = 50;
const PAGE_ROWS = 6;
let dialog = null;
let shownFor = null;

export function open() {
  if (dialog) return;
  dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", "Search, go to, do");
  const input = document.createElement("input");
  Object.assign(input, { type: "text", placeholder: "Search, go to, do", autocomplete: "off", spellcheck: false });
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-expanded": "true", "aria-controls": "palette-results", "aria-autocomplete": "list", "aria-label": "Search, go to, do",
  })) input.setAttribute(name, value);
  const results = document.createElement("div");
  results.id = "palette-results";
  results.className = "palette-results";
  results.setAttribute("role", "listbox");
  results.setAttribute("aria-label", "Results");
  const said = Object.assign(document.createElement("p"), { className: "hidden" });
  said.setAttribute("role", "status");
  const keys = Object.assign(document.createElement("p"), { className: "palette-keys" });
  keys.setAttribute("aria-hidden", "true");
  for (const [key, what] of [["↑↓", "choose"], ["Enter", "open"], ["Ctrl Enter", "in a new tab"], ["Esc", "close"]]) {
    keys.append(Object.assign(document.createElement("kbd"), { textContent: key }), ` ${what} `);
  }
  dialog.append(input, results, said, keys);
  document.body.append(dialog);

  let resting = 0;
  input.addEventListener("input", () => {
    clearTimeout(resting);
    resting = setTimeout(() => fill(input, results, said), REST_MS);
  });
  input.addEventListener("keydown", (event) => move(event, input, results, said));
  results.addEventListener("pointermove", (event) => {
    const item = event.target.closest(".palette-item");
    if (item && item.getAttribute("aria-selected") !== "true") mark(input, results, item, false);
  });
  results.addEventListener("click", (event) => {
    const item = event.target.closest(".palette-item");
    if (!item || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose(item.offer);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    dialog = null;
    shownFor = null;
  });
  dialog.showModal();
  input.focus();
  fill(input, results, said);
}

async function fill(input, results, said) {
  const asked = input.value.trim();
  const page = encodeURIComponent(location.pathname);
  const answer = await fetch(`/-/palette?q=${encodeURIComponent(asked)}&page=${page}`).catch(() => null);
  if (!dialog || input.value.trim() !== asked) return;
  if (!answer?.ok) {
    results.replaceChildren(said_none("The platform does not answer. Try again in a moment."));
    return;
  }
  const offered = (await answer.json()).items;
  const items = asked ? knownFirst(offered) : [...recent(), ...offered];
  if (!dialog || input.value.trim() !== asked) return;
  shownFor = asked;
  results.replaceChildren();
  let group = null;
  for (const [at, item] of items.entries()) {
    if (item.group !== group?.dataset.group) results.append(group = heading(item.group, at));
    group.append(row(item, at));
  }
  if (!items.length) results.append(said_none(`Nothing is called “${asked}”.`));
  said.textContent = items.length === 1 ? "1 result" : `${items.length} results`;
  mark(input, results, results.querySelector(".palette-item"));
}

function said_none(text) {
  return Object.assign(document.createElement("p"), { className: "palette-none", textContent: text });
}

function heading(name, at) {
  const group = document.createElement("div");
  group.dataset.group = name;
  group.setAttribute("role", "group");
  const title = Object.assign(document.createElement("div"), { id: `palette-group-${at}`, className: "palette-group", textContent: name });
  title.setAttribute("role", "presentation");
  group.setAttribute("aria-labelledby", title.id);
  group.append(title);
  return group;
}

function row(item, at) {
  const link = document.createElement(isLink(item) ? "a" : "div");
  link.className = "palette-item";
  link.id = `palette-${at}`;
  if (isLink(item)) Object.assign(link, { href: item.href, tabIndex: -1 });
  link.setAttribute("role", "option");
  link.setAttribute("aria-selected", "false");
  link.append(Object.assign(document.createElement("span"), { textContent: item.label, dir: "auto" }));
  if (item.detail) link.append(Object.assign(document.createElement("span"), { className: "detail", textContent: item.detail }));
  link.offer = item;
  return link;
}

const isLink = (item) => !item.copy && !Object.keys(item.fields).length;

function mark(input, results, item, scroll = true) {
  results.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
  item?.setAttribute("aria-selected", "true");
  if (scroll) item?.scrollIntoView({ block: "nearest" });
  if (item) input.setAttribute("aria-activedescendant", item.id);
  else input.removeAttribute("aria-activedescendant");
}

async function move(event, input, results, said) {
  if (event.isComposing) return;
  const items = [...results.querySelectorAll(".palette-item")];
  const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  const leaps = { PageDown: PAGE_ROWS, PageUp: -PAGE_ROWS };
  if (event.key in steps && items.length) {
    event.preventDefault();
    mark(input, results, items[(at + steps[event.key] + items.length) % items.length]);
  } else if (event.key in leaps && items.length) {
    event.preventDefault();
    mark(input, results, items[Math.min(items.length - 1, Math.max(0, at + leaps[event.key]))]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    // Who types faster than we answer means what was typed.
    if (input.value.trim() !== shownFor) await fill(input, results, said);
    const chosen = results.querySelector("[aria-selected=true]")?.offer;
    if (chosen && dialog) choose(chosen, event.ctrlKey || event.metaKey);
  }
}

async function choose(item, aside = false) {
  dialog.close();
  if (item.copy) {
    await copied(item);
  } else if (isLink(item)) {
    remember(item);
    if (aside) window.open(item.href, "_blank", "noopener");
    else go(item.href);
  } else {
    send(item);
  }
}

async function copied(item) {
  try {
    await navigator.clipboard.writeText(item.copy);
    show(`Copied: ${item.copy}`, "good");
  } catch {
    show(`Copy it by hand: ${item.copy}`);
  }
}

// A form as those on pages are, with the page's own token, so that the server judges it the same.
function send(item) {
  const csrf = document.querySelector("input[name=csrf]")?.value ?? "";
  const form = Object.assign(document.createElement("form"), { method: "post", action: item.href, hidden: true });
  for (const [name, value] of Object.entries({ ...item.fields, csrf, next: location.pathname + location.search })) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.requestSubmit();
}

// Where one went lately, and how often: of this tab and this person, and gone with them.
const KEY = `towpath-recent-${document.querySelector(".rail-foot summary")?.title ?? ""}`;

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

function recent() {
  const shown = kept().slice(0, RECENT_MAX);
  return shown.map(({ label, href, detail }) => ({ group: "Recent", label, href, detail, fields: {}, copy: "" }));
}

// Of what stands under one heading, where one goes most comes first.
function knownFirst(items) {
  const times = new Map(kept().map((one) => [one.href, one.times ?? 1]));
  const groups = [...new Set(items.map((item) => item.group))];
  const often = (item) => (isLink(item) ? times.get(item.href) ?? 0 : 0);
  return groups.flatMap((group) => items.filter((item) => item.group === group).sort((a, b) => often(b) - often(a)));
}

function remember({ label, href, detail }) {
  try {
    const before = kept();
    const times = (before.find((one) => one.href === href)?.times ?? 0) + 1;
    const others = before.filter((one) => one.href !== href);
    sessionStorage.setItem(KEY, JSON.stringify([{ label, href, detail, times }, ...others].slice(0, KEPT_MAX)));
  } catch {
    // Nothing is remembered where the browser keeps nothing.
  }
}
