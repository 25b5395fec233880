// Logs: new lines as they come, at the end while it is in view; find; copy.

const LINES_MAX = 20000;
const following = new Map();

export function startLogs() {
  document.addEventListener("towpath:page", look);
  document.addEventListener("input", (event) => event.target.matches("[data-log-find]") && find(event.target));
  document.addEventListener("click", clicked);
  addEventListener("hashchange", reveal);
  look();
  reveal();
}

function look() {
  for (const [log, stop] of following) {
    if (log.isConnected) continue;
    stop.abort();
    following.delete(log);
  }
  for (const log of document.querySelectorAll("[data-log]")) {
    log.querySelector("[data-log-tools]").hidden = false;
    log.querySelector("[data-log-follow]").hidden = !log.dataset.stream;
    if (log.dataset.stream && !following.has(log)) follow(log);
  }
}

async function follow(log) {
  const stop = new AbortController();
  following.set(log, stop);
  const url = new URL(log.dataset.stream, location.href);
  const lines = log.querySelector(".log-lines");
  lines.dataset.keep = "";
  lines.scrollTop = lines.scrollHeight;
  lines.addEventListener("scroll", () => {
    const near = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    press(log, near);
  }, { passive: true });
  try {
    url.searchParams.set("after", lines.querySelector(".line:last-of-type")?.dataset.number ?? log.dataset.last);
    const answer = await fetch(url, { signal: stop.signal });
    if (!answer.ok) return;
    let rest = "";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      add(log, lines, parts.filter(Boolean).map((part) => JSON.parse(part)));
    }
  } catch {
    // The page was left, or the connection: the live stream fetches the page again.
  }
}

// The same as wording.plain: colours, cursor movements and invisible characters go.
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function add(log, lines, news) {
  if (!news.length) return;
  lines.querySelector(".log-empty")?.remove();
  const fragment = document.createDocumentFragment();
  for (const { number, time, text } of news) {
    if (document.getElementById(`${log.id}-L${number}`)) continue;
    const line = document.createElement("div");
    line.className = "line";
    line.id = `${log.id}-L${number}`;
    line.dataset.added = "";
    line.dataset.number = number;
    const address = Object.assign(document.createElement("a"), { className: "number", href: `#${line.id}`, textContent: number });
    address.setAttribute("aria-label", `Line ${number}`);
    const at = Object.assign(document.createElement("time"), { className: "at" });
    const when = new Date(time * 1000);
    at.dateTime = when.toISOString();
    at.title = when.toISOString();
    at.textContent = when.toISOString().slice(11, 19);
    const said = Object.assign(document.createElement("span"), { className: "text" });
    const clean = text.replace(ANSI, "");
    said.textContent = (clean.slice(clean.lastIndexOf("\r") + 1) || clean).replace(CONTROL, "");
    line.append(address, at, said);
    fragment.append(line);
  }
  lines.append(fragment);
  while (lines.childElementCount > LINES_MAX) lines.firstElementChild.remove();
  if (log.querySelector("[data-log-follow]").getAttribute("aria-pressed") === "true") lines.scrollTop = lines.scrollHeight;
}

function press(log, pressed) {
  log.querySelector("[data-log-follow]").setAttribute("aria-pressed", pressed);
}

function clicked(event) {
  const button = event.target.closest("[data-log-follow], [data-log-copy]");
  if (!button) return;
  const log = button.closest("[data-log]");
  const lines = log.querySelector(".log-lines");
  if (button.hasAttribute("data-log-follow")) {
    const on = button.getAttribute("aria-pressed") !== "true";
    press(log, on);
    if (on) lines.scrollTop = lines.scrollHeight;
  } else {
    const text = [...lines.querySelectorAll(".text")].map((line) => line.textContent).join("\n");
    navigator.clipboard.writeText(text);
  }
}

function find(input) {
  const wanted = input.value.trim().toLowerCase();
  let first = null;
  for (const line of input.closest("[data-log]").querySelectorAll(".line")) {
    const found = wanted && line.lastElementChild.textContent.toLowerCase().includes(wanted);
    line.classList.toggle("found", Boolean(found));
    if (found) first ??= line;
  }
  first?.scrollIntoView({ block: "nearest" });
}

function reveal() {
  if (!/-L\d+$/.test(location.hash)) return;
  const line = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  line?.closest("details")?.setAttribute("open", "");
  line?.scrollIntoView({ block: "center" });
}
