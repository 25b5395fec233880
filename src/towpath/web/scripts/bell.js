// The bell: how much is unread, and what comes while a page is open, told politely in a corner.

const TOLD_MS = 8000;
let latest = null;
let ringing = false;
let again = false;

// Ask what is new. The first time only the number is brought up to date: the page has just come.
export async function ring() {
  const bell = document.getElementById("bell");
  if (!bell) return;
  if (ringing || document.hidden) {
    again = true;
    return;
  }
  ringing = true;
  try {
    do {
      again = false;
      latest ??= Number(bell.dataset.latest);
      const answer = await fetch(`/-/inbox?after=${latest}`);
      if (!answer.ok) return;
      const news = await answer.json();
      latest = Math.max(latest, news.latest);
      show(news.unread);
      news.new.forEach(tell);
    } while (again);
  } catch {
    again = true;
  } finally {
    ringing = false;
  }
}

document.addEventListener("visibilitychange", () => !document.hidden && again && ring());

function show(unread) {
  const bell = document.getElementById("bell");
  bell.hidden = !unread;
  bell.querySelector(".bell-number").textContent = unread < 100 ? unread : "99+";
}

function tell({ id, title, text, href }) {
  const note = document.createElement("div");
  note.className = "note";
  const link = Object.assign(document.createElement("a"), { href, textContent: title, dir: "auto" });
  link.dataset.read = id;
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close", className: "button quiet small" });
  close.addEventListener("click", () => note.remove());
  note.append(link);
  if (text) note.append(Object.assign(document.createElement("p"), { className: "quiet", textContent: text }));
  note.append(close);
  document.getElementById("told").append(note);
  let fading = setTimeout(() => note.remove(), TOLD_MS);
  // Who reads it or stands in it has the time they need.
  for (const stay of ["pointerenter", "focusin"]) note.addEventListener(stay, () => clearTimeout(fading));
  for (const leave of ["pointerleave", "focusout"]) note.addEventListener(leave, () => {
    clearTimeout(fading);
    fading = setTimeout(() => note.remove(), TOLD_MS);
  });
}

// Who opens what they were told of has read it. Without JavaScript there is a button for it.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-read]");
  const csrf = document.querySelector("input[name=csrf]")?.value;
  if (link && csrf) navigator.sendBeacon("/notifications", new URLSearchParams({ csrf, read: link.dataset.read }));
}, { capture: true });
