// What is on the screen is true: the server says when something changed, and the page is fetched.
// A page that nobody looks at is not fetched; it catches up when it is looked at again. Every page
// hears of the visitor's inbox; the sign says "Live" on those that change by themselves.

import { ring } from "./bell.js";
import { refresh } from "./journey.js";

const RETRY_MS_MAX = 15000;
let source = null;
let watched = null;
let retryMs = 1000;
let retry = 0;
let fetching = false;
let stale = false;

export function startLive() {
  document.addEventListener("towpath:page", follow);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && stale) catchUp();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && follow());
  follow();
}

function follow() {
  const page = document.querySelector("main[data-live]") ? location.pathname + location.search : "";
  if (page === watched && source) return tell();
  close();
  watched = page;
  open();
  tell();
}

function open() {
  clearTimeout(retry);
  const opened = new EventSource(`/-/live${watched ? `?page=${encodeURIComponent(watched)}` : ""}`);
  source = opened;
  opened.addEventListener("open", () => {
    if (source !== opened) return;
    retryMs = 1000;
    tell();
    catchUp();
    ring();
  });
  opened.addEventListener("change", () => source === opened && catchUp());
  opened.addEventListener("inbox", () => source === opened && ring());
  opened.addEventListener("gone", () => location.reload());
  opened.addEventListener("error", () => {
    if (source !== opened) return;
    opened.close();
    source = null;
    tell("lost");
    retry = setTimeout(() => watched !== null && !source && open(), retryMs);
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  });
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
  watched = null;
}

async function catchUp() {
  stale = true;
  if (fetching || document.hidden) return;
  fetching = true;
  try {
    while (stale && watched) {
      stale = false;
      await refresh();
    }
  } catch {
    stale = true;
  } finally {
    fetching = false;
  }
}

const WORDS = { on: "Live", lost: "Reconnecting", wait: "Connecting" };

function tell(state = watched && source ? (source.readyState === EventSource.OPEN ? "on" : "wait") : "off") {
  const sign = document.getElementById("live");
  if (!sign) return;
  sign.hidden = state === "off";
  if (sign.dataset.state === state) return;
  sign.dataset.state = state;
  sign.title = WORDS[state] ?? "";
  sign.querySelector(".live-word").textContent = WORDS[state] ?? "";
}
