// The portal works without any of this; it makes it quicker to use.

import { startGraph } from "./graph.js";
import { reveal, startJourney } from "./journey.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startLogs } from "./logs.js";
import { startPreview } from "./preview.js";

const TOAST_MS = 6000;
const CLOCK_MS = 20000;
const UNITS = [[31536000, "year"], [2592000, "month"], [86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

function dress() {
  for (const figure of document.querySelectorAll("[data-copy]:not(:has(.copy))")) {
    const text = figure.querySelector("pre").textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.className = text.split("\n").length > 2 ? "copy tall" : "copy";
    button.dataset.added = "";
    button.setAttribute("aria-label", "Copy");
    button.title = "Copy";
    button.append(drawn("copy"));
    figure.querySelector("pre").before(button);
  }
  for (const toast of document.querySelectorAll("[data-toast]:not([data-timed])")) {
    toast.dataset.timed = "";
    toast.dataset.added = ""; // a page that is fetched again has it no more, and it shall be read
    setTimeout(() => toast.remove(), TOAST_MS);
  }
  for (const hidden of document.querySelectorAll("[data-palette-open], [data-help-open], [data-zooms]")) hidden.hidden = false;
}

const SHAPES = {
  copy: '<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M15 9V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h3"/>',
};

function drawn(name) {
  const template = document.createElement("template");
  template.innerHTML = `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${SHAPES[name]}</svg>`;
  return template.content;
}

// The same words as wording.ago.
function tellTimes() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[datetime]:not(.at)")) {
    const passed = (Date.now() - Date.parse(time.dateTime)) / 1000;
    if (Number.isNaN(passed)) continue;
    const [size, unit] = UNITS.find(([seconds]) => Math.abs(passed) >= seconds) ?? [1, "second"];
    const count = Math.floor(Math.abs(passed) / size);
    const told = `${count} ${unit}${count === 1 ? "" : "s"}`;
    const text = Math.abs(passed) < 10 ? "just now" : passed < 0 ? `in ${told}` : `${told} ago`;
    if (time.textContent !== text) time.textContent = text;
  }
}

async function copied(event) {
  const button = event.target.closest(".copy");
  if (!button) return;
  if (!await copy(button.closest("[data-copy]").querySelector("pre"))) return;
  button.classList.add("done");
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    button.classList.remove("done");
    button.setAttribute("aria-label", "Copy");
  }, 1500);
}

// Browsers lend the clipboard to secure pages only; elsewhere what is selected can still be copied,
// and where even that is refused it stays selected for the keyboard.
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    const copied = document.execCommand("copy");
    if (copied) getSelection().removeAllRanges();
    return copied;
  }
}

function closeMenus(event) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  }
}

// What the visitor opened or closed stays so when the page is fetched again.
function touched(event) {
  const summary = event.target.closest("summary");
  if (summary) summary.parentElement.dataset.touched = "";
}

// Typing in a filter asks for the list again, when the typing rests.
let typing = 0;
function filtered(event) {
  const form = event.target.closest("form[data-filter]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => form.requestSubmit(), 180);
}

// An error is told at the field, in words, when it is left or sent.
function checked(event) {
  const input = event.target;
  if (input.dataset?.pattern || input.dataset?.max) input.setCustomValidity(tooLong(input) || misfit(input));
  const field = input.closest?.(".field");
  const error = field?.querySelector(".error");
  if (!error || (event.type === "focusout" && !input.value && !field.classList.contains("invalid"))) return;
  const good = input.validity.valid;
  if (event.type === "invalid") event.preventDefault();
  if (event.type === "input" && !field.classList.contains("invalid")) return;
  field.classList.toggle("invalid", !good);
  error.hidden = good;
  error.querySelector("span").textContent = good ? "" : complaint(input);
  if (good) input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
  if (event.type === "invalid" && !document.querySelector(".field :focus:invalid")) input.focus();
}

// As JSON Schema means it: anywhere in the text, unless the pattern says where. The attribute
// `pattern` means something else, and takes fewer patterns.
function misfit(input) {
  const pattern = input.dataset.pattern;
  try {
    if (!pattern || !input.value || new RegExp(pattern, "u").test(input.value)) return "";
    return `This does not fit the pattern ${pattern}.`;
  } catch {
    return ""; // the server knows
  }
}

// The attribute `maxlength` would cut off what is pasted, and say nothing.
function tooLong(input) {
  const length = [...input.value].length, most = Number(input.dataset.max || Infinity);
  return length > most ? `This has ${length} characters; at most ${most} fit.` : "";
}

function complaint(input) {
  if (input.validity.patternMismatch) return `Type ${input.dataset.wanted || "it as it is asked for"}.`;
  if (input.validity.valueMissing) return "This is needed.";
  return input.validationMessage;
}

startPreview();
startJourney();
dress();
startLogs();
startGraph();
startLive();
document.addEventListener("towpath:page", () => { dress(); tellTimes(); });
document.addEventListener("click", copied);
document.addEventListener("click", closeMenus);
document.addEventListener("input", filtered);
document.addEventListener("input", checked);
document.addEventListener("focusout", checked);
document.addEventListener("invalid", checked, true);
document.addEventListener("click", touched);
startKeys();
if (location.hash) reveal(location.hash);
addEventListener("hashchange", () => reveal(location.hash));
setInterval(tellTimes, CLOCK_MS);
