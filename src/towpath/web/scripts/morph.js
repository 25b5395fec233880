// Makes one tree of elements like another with as few changes as possible, so that focus, scroll,
// selection and typed text stay where they are. Elements are known again by their id.

export function morph(from, to) {
  if (from.isEqualNode(to)) return;
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  if (from.hasAttribute("data-keep")) return;
  attributes(from, to);
  children(from, to);
}

function attributes(from, to) {
  const own = ownState(from);
  for (const { name, value } of [...to.attributes]) {
    if (!own.has(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!own.has(name) && !to.hasAttribute(name)) from.removeAttribute(name);
  }
}

// What the visitor has changed is the visitor's: an opened detail, a pressed switch.
function ownState(element) {
  if (element.hasAttribute("data-touched")) return new Set(["open", "data-touched"]);
  return new Set(element.dataset?.own?.split(" "));
}

function children(from, to) {
  const known = new Map();
  for (const child of from.children) if (child.id) known.set(child.id, child);
  const kept = new Set();
  for (const child of to.children) if (child.id && known.has(child.id)) kept.add(child.id);

  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const own = wanted.id && known.get(wanted.id);
    if (own && own.localName === wanted.localName) {
      if (own === at) at = at.nextSibling;
      else from.insertBefore(own, at);
      morph(own, wanted);
      continue;
    }
    while (at && at.nodeType === Node.ELEMENT_NODE && at.hasAttribute("data-added")) at = at.nextSibling;
    if (at && alike(at, wanted) && !kept.has(at.id)) {
      const next = at.nextSibling;
      morph(at, wanted);
      at = next;
    } else {
      from.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    if (at.nodeType !== Node.ELEMENT_NODE || !at.hasAttribute("data-added")) at.remove();
    at = next;
  }
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");
}
