// Going from page to page without loading everything again: the main region is swapped, links are
// fetched when somebody is about to follow them. Whatever does not fit is left to the browser.

import { morph } from "./morph.js";

const FETCHED_MS = 4000;
const RESTING_MS = 60;
const fetched = new Map();
let resting = 0;
let shown = "";
const sending = new WeakSet();
let going = 0;

// What an address names is in sight: what it is folded in is open, and stays so.
export function reveal(hash) {
  let named = null;
  try {
    named = document.getElementById(decodeURIComponent(hash.slice(1)));
  } catch {
    return; // an address that somebody cut off
  }
  for (let part = named?.closest("details"); part; part = part.parentElement.closest("details")) {
    part.open = true;
    part.dataset.touched = "";
  }
  named?.scrollIntoView();
}

export function startJourney() {
  document.addEventListener("pointerover", (event) => {
    // A pointer that only passes over a link asks for nothing.
    clearTimeout(resting);
    resting = setTimeout(() => prefetch(event), RESTING_MS);
  }, { passive: true });
  document.addEventListener("focusin", prefetch);
  document.addEventListener("click", follow);
  document.addEventListener("submit", submit);
  addEventListener("popstate", () => go(location.href, { scroll: null, push: false }));
}

function ourLink(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || link.origin !== location.origin || link.target || link.hasAttribute("download")) return null;
  if (!document.body.classList.contains("framed")) return null;
  if (/^\/(static|api|git|-)\//.test(link.pathname) || link.pathname === "/sign-in") return null;
  return link;
}

function isPlace(link) {
  return link.hash && link.pathname === location.pathname && link.search === location.search;
}

function prefetch(event) {
  const link = ourLink(event);
  if (!link || isPlace(link) || fetched.has(link.href) || link.href === location.href) return;
  if (navigator.connection?.saveData) return;
  const answer = load(link.href).catch(() => null);
  fetched.set(link.href, answer);
  setTimeout(() => fetched.delete(link.href), FETCHED_MS);
}

function follow(event) {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = ourLink(event);
  if (!link || isPlace(link)) return;
  event.preventDefault();
  go(link.href, { scroll: "top", push: link.href !== location.href });
}

// Not `form.action`: a field of that name hides the form's own property.
export function said(form, attribute) {
  return Element.prototype.getAttribute.call(form, attribute);
}

function submit(event) {
  const form = event.target;
  const button = event.submitter;
  const method = said(form, "method") || "get";
  if (event.defaultPrevented || method === "dialog" || !document.body.classList.contains("framed")) return;
  const url = new URL(button?.getAttribute("formaction") || said(form, "action") || "", location.href);
  if (url.origin !== location.origin || url.pathname.startsWith("/sign-") || url.pathname === "/-/look") return;
  const fields = new URLSearchParams(new FormData(form, button));
  event.preventDefault();
  fetched.clear();
  if (method === "get") {
    for (const [name, value] of [...fields]) if (!value) fields.delete(name);
    url.search = fields;
    const filtering = form.hasAttribute("data-filter");
    go(url.href, { scroll: null, push: !filtering, replace: filtering, merge: true });
  } else {
    // A second click while the first is on its way sends nothing.
    if (sending.has(form)) return;
    sending.add(form);
    button?.setAttribute("aria-busy", "true");
    go(url.href, { scroll: "top", push: true, body: fields }).finally(() => {
      sending.delete(form);
      button?.removeAttribute("aria-busy");
    });
  }
}

async function load(url, body) {
  const answer = await fetch(url, {
    method: body ? "POST" : "GET", body, headers: { Accept: "text/html" }, credentials: "same-origin",
  });
  if (!answer.headers.get("content-type")?.startsWith("text/html")) throw new Error("not a page");
  return { url: answer.url, text: await answer.text(), refused: answer.status >= 400 };
}

export async function go(url, { scroll = "top", push = true, replace = false, body = null, merge = false } = {}) {
  const turn = ++going;
  let page = null;
  try {
    page = (!body && await fetched.get(url)) || await load(url, body);
  } catch (error) {
    // What is not a page of ours the browser shows. A form is never sent twice, and while nothing
    // answers one stays here, with all that was typed.
    if (!(error instanceof TypeError) && !body) location.assign(url);
    else show(`This could not be ${body ? "sent" : "opened"}. Check that the platform is running, then try again.`);
    return;
  }
  if (turn !== going) return;
  const next = new DOMParser().parseFromString(page.text, "text/html");
  if (!next.body.classList.contains("framed")) {
    if (body) show("You are signed out, so nothing was sent. Sign in in another window, then send this again.");
    else location.assign(page.url);
    return;
  }
  // A refusal without a form in it would take away what was typed.
  if (body && page.refused && !next.querySelector("main form")) {
    show(next.querySelector("main .banner")?.textContent.trim() ?? next.title);
    return;
  }
  const hash = new URL(url, location.href).hash;
  const address = page.url + (page.url.includes("#") ? "" : hash);
  // What was typed into a form that was refused stays typed.
  const stays = Boolean(body) && new URL(page.url).pathname === location.pathname;
  if (stays) [merge, push, replace] = [page.refused, false, true];
  if (push) history.pushState(null, "", address);
  else if (replace) history.replaceState(null, "", address);
  swap(next, { whole: !merge });
  if (hash) reveal(hash);
  else if (scroll === "top" && !stays) scrollTo(0, 0);
  if (scroll === "top" && !merge) (document.querySelector("main [autofocus]") ?? document.getElementById("main")).focus({ preventScroll: true });
}

// Fetch the page we are on again and let in what has changed.
export async function refresh() {
  const [turn, address] = [going, location.href.split("#")[0]];
  const page = await load(address);
  // Somebody may have gone on meanwhile, or be about to.
  if (turn !== going || address !== location.href.split("#")[0] || page.text === shown) return;
  const next = new DOMParser().parseFromString(page.text, "text/html");
  if (next.body.classList.contains("framed")) {
    swap(next, { whole: false });
    shown = page.text;
  } else {
    location.assign(page.url);
  }
}

function swap(next, { whole }) {
  // Somebody else has signed in in this browser: nothing of this page is theirs.
  if (visitor(next) !== visitor(document)) return location.reload();
  const token = next.querySelector("input[name=csrf]")?.value;
  for (const field of document.querySelectorAll("input[name=csrf]")) field.value = token ?? field.value;
  shown = "";
  document.title = next.title;
  const main = document.getElementById("main");
  const other = next.getElementById("main");
  for (const name of ["data-live"]) {
    if (other.hasAttribute(name)) main.setAttribute(name, "");
    else main.removeAttribute(name);
  }
  if (whole) main.replaceChildren(...[...other.childNodes].map((node) => document.importNode(node, true)));
  else morph(main, other);
  for (const part of [".rail nav", ".rail .switcher"]) {
    const [here, there] = [document.querySelector(part), next.querySelector(part)];
    if (here && there) {
      morph(here, there);
      if (whole) here.removeAttribute("open");
    }
  }
  if (whole) document.querySelectorAll("details[data-menu][open]").forEach((menu) => menu.removeAttribute("open"));
  for (const field of document.querySelectorAll(".rail input[name=next]")) field.value = location.pathname + location.search;
  document.dispatchEvent(new CustomEvent("towpath:page", { detail: { whole } }));
}

function visitor(page) {
  return page.querySelector(".rail-foot summary")?.title;
}

export function show(text, tone = "bad") {
  const toast = document.createElement("div");
  toast.className = `toast ${tone}`;
  toast.setAttribute("role", tone === "bad" ? "alert" : "status");
  toast.dataset.toast = "";
  toast.dataset.added = "";
  toast.append(Object.assign(document.createElement("p"), { textContent: text }));
  document.getElementById("main").append(toast);
  document.dispatchEvent(new CustomEvent("towpath:page", { detail: { whole: false } }));
}
