// What will be made is worked out again while somebody fills in the form. What they type stays.

import { said } from "./journey.js";
import { morph } from "./morph.js";

const REST_MS = 250;
const PARTS = ["plan", "files"];
let rest = 0;
let turn = 0;

export function startPreview() {
  document.addEventListener("input", typed);
  document.addEventListener("change", typed);
  document.addEventListener("submit", asked, true);
}

function typed(event) {
  const form = event.target.closest?.("form[data-preview]");
  if (!form) return;
  clearTimeout(rest);
  rest = setTimeout(() => look(form), REST_MS);
}

function asked(event) {
  if (event.submitter?.name !== "preview" || !event.target.matches("form[data-preview]")) {
    // It is being sent for good: an answer that is still on its way comes too late.
    turn += 1;
    clearTimeout(rest);
    return;
  }
  event.preventDefault();
  look(event.target);
}

async function look(form) {
  const mine = ++turn;
  const fields = new URLSearchParams(new FormData(form));
  fields.set("preview", "yes");
  let text;
  try {
    const answer = await fetch(said(form, "action") || location.href, { method: "POST", body: fields, headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (!answer.ok) return;
    text = await answer.text();
  } catch {
    return; // the form itself says so when it is sent
  }
  if (mine !== turn || !form.isConnected) return;
  const next = new DOMParser().parseFromString(text, "text/html");
  for (const id of PARTS) {
    const [here, there] = [document.getElementById(id), next.getElementById(id)];
    if (here && there) morph(here, there);
  }
  const asked = next.querySelector("form[data-preview]");
  // An answer may bring other questions; what was typed was sent, and comes back with them.
  if (asked && names(asked) !== names(form)) morph(form, asked);
  for (const there of asked?.querySelectorAll(".field") ?? []) tell(there);
  document.dispatchEvent(new CustomEvent("towpath:page", { detail: { whole: false } }));
}

function names(form) {
  return [...form.elements].map((one) => one.name).join(" ");
}

// A field's complaint and choices; its value is the visitor's.
function tell(there) {
  const control = there.querySelector("[id^=field-]");
  const here = control && document.getElementById(control.id);
  const field = here?.closest(".field");
  if (!field) return;
  const [old, error] = [field.querySelector(".error"), there.querySelector(".error")];
  if (old && error && (here.value || !error.hidden)) {
    morph(old, error);
    field.classList.toggle("invalid", !error.hidden);
    if (error.hidden) here.removeAttribute("aria-invalid");
    else here.setAttribute("aria-invalid", "true");
  }
  if (control.hasAttribute("placeholder")) here.placeholder = control.placeholder;
  else here.removeAttribute("placeholder");
  if (here.localName === "select" && here !== document.activeElement && here.options.length !== control.options?.length) {
    const value = here.value;
    here.replaceChildren(...[...control.options].map((option) => document.importNode(option, true)));
    here.value = value;
  }
}
