// What is on the screen is true: the server says when something changed, and the page is fetched.
// A page that nobody looks at costs nothing: it hangs up, and catches up when it is looked at again.
// Every page hears of the visitor's inbox; the sign says "Live" on those that change by themselves.

import { ring } from "./bell.js";
import { place } from "./connections.js";
import { refresh } from "./journey.js";

const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 15000;
const HIDDEN_MS = 5000;
const SHARED_MS = 10000;
let source = null;
let watched = null;
let turn = 0;
let giveBack = null;
let retryMs = RETRY_MS_MIN;
let retry = 0;
let hiding = 0;
let fetching = false;
let stale = false;

export function startLive() {
  document.addEventListener("towpath:page", follow);
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && follow());
  follow();
}

function follow() {
  const page = document.querySelector("main[data-live]") ? location.pathname + location.search : "";
  if (page === watched && source) return tell();
  hangUp();
  watched = page;
  if (document.hidden) look();
  else open();
  tell();
}

// Looked at, or not any more. Changing tabs to and fro is no reason to hang up.
function look() {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => {
      const page = watched;
      close();
      watched = page;
    }, HIDDEN_MS);
  } else if (watched === null) {
    follow();
  } else if (!source) {
    retryMs = RETRY_MS_MIN;
    open();
  } else if (stale) {
    catchUp();
  }
}

async function open() {
  clearTimeout(retry);
  const mine = ++turn;
  const given = giveBack ?? await place("live");
  if (mine !== turn) {
    if (given !== giveBack) given?.();
    return;
  }
  giveBack = given;
  if (giveBack) listen();
  else share();
}

function listen() {
  const opened = new EventSource(`/-/live${watched ? `?page=${encodeURIComponent(watched)}` : ""}`);
  source = opened;
  opened.addEventListener("open", (event) => {
    // The connection is there when there is no data yet; nothing is missed once the server says so.
    if (source !== opened || !("data" in event)) return;
    retryMs = RETRY_MS_MIN;
    tell();
    catchUp();
    ring();
  });
  opened.addEventListener("change", () => source === opened && catchUp());
  opened.addEventListener("inbox", () => source === opened && ring());
  // Who has signed in anew meanwhile goes on where they are; anybody else is asked to sign in.
  opened.addEventListener("gone", () => refresh().catch(() => {}));
  opened.addEventListener("error", () => {
    if (source !== opened) return;
    opened.close();
    source = null;
    tell("lost");
    // Not all at once, when it was the platform that went away.
    later(retryMs * (0.5 + Math.random()), retryMs > RETRY_MS_MIN);
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  });
}

// Other tabs have all the connections that may stay open: this one looks now and then.
function share() {
  tell(watched ? "shared" : "off");
  later(SHARED_MS * (0.8 + 0.4 * Math.random()), true);
}

function later(ms, looking) {
  retry = setTimeout(() => {
    if (watched === null || source || document.hidden) return;
    if (looking) {
      catchUp();
      ring();
    }
    open();
  }, ms);
}

function hangUp() {
  turn += 1;
  clearTimeout(retry);
  source?.close();
  source = null;
  watched = null;
}

function close() {
  hangUp();
  giveBack?.();
  giveBack = null;
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

const WORDS = { on: "Live", lost: "Reconnecting", wait: "Connecting", shared: "Every few seconds" };

function tell(state = watched ? (source?.readyState === EventSource.OPEN ? "on" : "wait") : "off") {
  const sign = document.getElementById("live");
  if (!sign) return;
  sign.hidden = state === "off";
  if (sign.dataset.state === state) return;
  sign.dataset.state = state;
  sign.title = WORDS[state] ?? "";
  sign.querySelector(".live-word").textContent = WORDS[state] ?? "";
}
