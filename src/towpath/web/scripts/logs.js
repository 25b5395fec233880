// Logs: new lines as they come, at the end while it is in view; pause; find; copy; links to lines.
// Only so many lines are kept, and the browser draws those in view: see `content-visibility`.

import { placeInTime } from "./connections.js";

const LINES_MAX = 20000;
const RETRY_MS_MAX = 15000;
const following = new Map();

export function startLogs() {
  document.addEventListener("towpath:page", look);
  document.addEventListener("input", (event) => event.target.matches("[data-log-find]") && find(event.target));
  document.addEventListener("keydown", stepped);
  document.addEventListener("click", clicked);
  addEventListener("hashchange", reveal);
  look();
  reveal();
}

function look() {
  for (const [log, stop] of following) {
    if (log.isConnected && log.dataset.stream === stop.stream) continue;
    stop.abort();
    following.delete(log);
  }
  for (const log of document.querySelectorAll("[data-log]")) {
    log.querySelector("[data-log-tools]").hidden = false;
    log.querySelector("[data-log-follow]").hidden = !log.dataset.stream;
    if (log.dataset.stream && !following.has(log)) follow(log);
  }
  const marked = document.querySelector(".line.marked:not([data-seen])");
  if (marked) {
    marked.dataset.seen = "";
    marked.scrollIntoView({ block: "center" });
  }
}

async function follow(log) {
  const stop = new AbortController();
  stop.stream = log.dataset.stream;
  following.set(log, stop);
  const lines = log.querySelector(".log-lines");
  lines.dataset.keep = "";
  lines.scrollTop = lines.scrollHeight;
  lines.addEventListener("scroll", () => {
    press(log, lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40);
  }, { passive: true, signal: stop.signal });
  // A log of pods never ends: when the connection does, it is asked for again.
  for (let retryMs = 1000; !stop.signal.aborted; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
    const giveBack = await placeInTime("log", stop.signal);
    if (!giveBack) return;
    try {
      if (await read(log, lines, stop)) retryMs = 500;
    } catch {
      // The page was left, or the connection lost.
    } finally {
      giveBack();
    }
    if (!log.dataset.here) return;
    await new Promise((done) => setTimeout(done, retryMs));
  }
}

async function read(log, lines, stop) {
  const url = new URL(stop.stream, location.href);
  const last = lines.querySelector(".line:last-of-type");
  url.searchParams.set("after", (log.dataset.here ? last?.dataset.key : last?.dataset.number) ?? log.dataset.last);
  const answer = await fetch(url, { signal: stop.signal });
  if (!answer.ok) return false;
  let rest = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return true;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    add(log, lines, parts.filter(Boolean).map((part) => JSON.parse(part)).filter((line) => !line.error));
  }
}

// The same as wording.ansi_parts: cursor movements and invisible characters go, colours are classes.
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const MARK = /^##\[(group|endgroup|error|warning|notice|debug)\]/;
const MARKED = { group: ["ansi-bold"], endgroup: ["log-end"], error: ["ansi-bold", "ansi-1"], warning: ["ansi-3"], notice: ["ansi-4"], debug: ["ansi-dim"] };
const WEIGHTS = { 1: "ansi-bold", 2: "ansi-dim", 3: "ansi-italic", 4: "ansi-underlined" };

function write(into, text) {
  const whole = text.slice(text.lastIndexOf("\r") + 1) || text;
  const mark = MARK.exec(whole);
  const line = mark ? whole.slice(mark[0].length) : whole;
  if (line.startsWith("{") && writeStructured(into, line)) return;
  let [look, at] = [mark ? MARKED[mark[1]] : [], 0];
  const piece = (part) => {
    const shown = part.replace(CONTROL, "");
    if (!shown && !look.includes("log-end")) return;
    into.append(look.length ? Object.assign(document.createElement("span"), { className: look.join(" "), textContent: shown }) : shown);
  };
  for (const found of line.matchAll(ANSI)) {
    piece(line.slice(at, found.index));
    at = found.index + found[0].length;
    const codes = /^\x1b\[([0-9;]*)m$/.exec(found[0]);
    if (codes) look = lookAfter(look, codes[1].split(";").map(Number));
  }
  piece(line.slice(at));
}

// The same as wording._structured: of a line that is a JSON object its level, its sentence, its fields.
const LEVELS = { critical: "ansi-bold ansi-1", fatal: "ansi-bold ansi-1", error: "ansi-bold ansi-1", warning: "ansi-3", warn: "ansi-3", debug: "ansi-dim", trace: "ansi-dim" };
const SENTENCES = ["message", "msg", "event"];
const BESIDE = ["time", "timestamp", "ts", "@timestamp", "level", "severity", ...SENTENCES];

function writeStructured(into, line) {
  let said;
  try {
    said = JSON.parse(line);
  } catch {
    return false;
  }
  const sentence = said[SENTENCES.find((name) => name in said)];
  if (typeof sentence !== "string") return false;
  const level = String(said.level || said.severity || "");
  const fields = Object.entries(said).filter(([name]) => !BESIDE.includes(name));
  const told = fields.map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join("");
  for (const [look, text] of [[LEVELS[level.toLowerCase()], level && `${level.toUpperCase()} `], ["", sentence], ["ansi-dim", told]]) {
    const shown = text.replace(ANSI, "").replace(CONTROL, "");
    if (shown) into.append(look ? Object.assign(document.createElement("span"), { className: look, textContent: shown }) : shown);
  }
  return true;
}

function lookAfter(look, codes) {
  while (codes.length) {
    const code = codes.shift();
    if (code === 0) look = [];
    else if (code === 38 || code === 48) codes.splice(0, codes[0] === 5 ? 2 : 4);
    else if (WEIGHTS[code] && !look.includes(WEIGHTS[code])) look = [...look, WEIGHTS[code]];
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97) || code === 39) {
      look = look.filter((one) => !/\d$/.test(one));
      if (code !== 39) look.push(`ansi-${code % 10}`);
    }
  }
  return look;
}

// The same as wording.hue.
function hue(name) {
  return new TextEncoder().encode(name).reduce((sum, byte) => sum + byte, 0) % 8;
}

function made(tag, className, textContent = "") {
  return Object.assign(document.createElement(tag), { className, textContent });
}

function add(log, lines, news) {
  if (!news.length) return;
  lines.querySelector(".log-empty")?.remove();
  const fragment = document.createDocumentFragment();
  const wanted = log.querySelector("[data-log-find]").value.trim().toLowerCase();
  for (const { number, key, time, text, pod } of news) {
    const id = `${log.id}-L${key ?? number}`;
    if (document.getElementById(id)) continue;
    const line = Object.assign(made("div", "line"), { id });
    line.dataset.added = "";
    const when = new Date(time * 1000).toISOString();
    if (key) {
      line.dataset.key = key;
      const address = made("a", "number", when.slice(11, 19));
      address.href = `${log.dataset.here}&line=${encodeURIComponent(key)}#${id}`;
      address.title = when;
      address.setAttribute("aria-label", `Link to the line of ${when}`);
      line.append(address);
      if (log.hasAttribute("data-pods")) line.append(Object.assign(made("span", `pod hue-${hue(pod)}`, pod.slice(-5)), { title: pod }));
    } else {
      line.dataset.number = number;
      const address = Object.assign(made("a", "number", number), { href: `#${id}` });
      address.setAttribute("aria-label", `Line ${number}`);
      line.append(address, Object.assign(made("time", "at", when.slice(11, 19)), { dateTime: when, title: when }));
    }
    const said = made("span", "text");
    write(said, text);
    line.append(said);
    if (wanted && said.textContent.toLowerCase().includes(wanted)) line.classList.add("found");
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
  const button = event.target.closest("[data-log-follow], [data-log-copy], [data-log-download]");
  if (!button) return;
  const log = button.closest("[data-log]");
  const lines = log.querySelector(".log-lines");
  if (button.hasAttribute("data-log-download")) {
    event.preventDefault();
    save(button);
  } else if (button.hasAttribute("data-log-follow")) {
    const on = button.getAttribute("aria-pressed") !== "true";
    press(log, on);
    if (on) lines.scrollTop = lines.scrollHeight;
  } else {
    navigator.clipboard.writeText(textOf(lines));
  }
}

function textOf(lines) {
  return [...lines.querySelectorAll(".line")].map((line) => line.querySelector(".text").textContent).join("\n");
}

// Without JavaScript it is what the API says, a line of JSON each; with it, a text to read.
async function save(link) {
  const answer = await fetch(link.href);
  const lines = (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const text = lines.map(({ time, pod, text, error }) => error ?? `${new Date(time * 1000).toISOString()} ${pod} ${text.replace(ANSI, "")}`).join("\n");
  const file = document.createElement("a");
  file.href = URL.createObjectURL(new Blob([text, "\n"], { type: "text/plain" }));
  file.download = link.download.replace(/ndjson$/, "log");
  file.click();
  setTimeout(() => URL.revokeObjectURL(file.href), 10000);
}

function find(input) {
  const wanted = input.value.trim().toLowerCase();
  let first = null;
  for (const line of input.closest("[data-log]").querySelectorAll(".line")) {
    const found = wanted && line.lastElementChild.textContent.toLowerCase().includes(wanted);
    line.classList.toggle("found", Boolean(found));
    line.classList.remove("current");
    if (found) first ??= line;
  }
  show(first);
}

// Enter goes to the next line that was found, with Shift to the one before.
function stepped(event) {
  if (event.key !== "Enter" || !event.target.matches?.("[data-log-find]")) return;
  event.preventDefault();
  const found = [...event.target.closest("[data-log]").querySelectorAll(".line.found")];
  if (!found.length) return;
  const at = found.findIndex((line) => line.classList.contains("current"));
  found[at]?.classList.remove("current");
  show(found[(at + (event.shiftKey ? -1 : 1) + found.length) % found.length]);
}

function show(line) {
  line?.classList.add("current");
  line?.scrollIntoView({ block: "nearest" });
}

function reveal() {
  if (!/-L[\dT.]+$/.test(location.hash)) return;
  const line = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  line?.closest("details")?.setAttribute("open", "");
  line?.scrollIntoView({ block: "center" });
}
