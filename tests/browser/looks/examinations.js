// What a test asks of a page, in the page: each answers with what is wrong, as texts.

const named = (one) => String(one.className || one.tagName);
const said = (one) => (one.textContent.trim() || one.name || named(one)).slice(0, 40);

// What means something in two dimensions, and rows of places to go.
const MAY_SCROLL_SIDEWAYS =
  ".table, .prose table, pre, .diff-lines, .tree, .log-lines, .tabs, .facets, .graph, input, textarea, select";

window.examinations = {
  wider() {
    const root = document.documentElement;
    const beyond = root.scrollWidth - root.clientWidth;
    const wide = beyond > 0 ? [`the page, by ${beyond} px`] : [];
    for (const one of document.querySelectorAll("main, main *")) {
      if (one.matches(".table") && getComputedStyle(one).overflowX === "clip" && one.scrollWidth > one.clientWidth) {
        wide.push(`what is cut off of ${one.querySelector("caption").textContent}`);
      }
      if (!/auto|scroll/.test(getComputedStyle(one).overflowX)) continue;
      if (one.scrollWidth > one.clientWidth + 1 && !one.matches(MAY_SCROLL_SIDEWAYS)) wide.push(named(one));
    }
    return wide;
  },

  cutOff() {
    const cut = [];
    for (const one of document.querySelectorAll("main *")) {
      const style = getComputedStyle(one);
      // A message of a list is shortened on purpose: its row leads to the whole.
      const meant = ".hidden, .clamp, svg, svg *";
      if (!/hidden|clip/.test(style.overflowY) || one.matches(meant)) continue;
      if (style.display === "inline" || !one.checkVisibility() || one.clientWidth <= 1) continue;
      if (one.scrollHeight > one.clientHeight + 2) cut.push(`${named(one)}: ${said(one)}`);
    }
    return cut;
  },

  // A word with its icon is a line or a few, whatever a page around it is called.
  swollen() {
    const words = [...document.querySelectorAll("main :is(.status, .badge, .who)")];
    return words.filter((one) => one.getBoundingClientRect().height > 100).map((one) => `${named(one)}: ${said(one)}`);
  },

  obscured() {
    const behind = [];
    const places = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.8], [0.1, 0.8], [0.9, 0.2]];
    const inputs = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    for (const one of document.querySelectorAll(`main :is(${inputs})`)) {
      if (!one.checkVisibility({ checkVisibilityCSS: true }) || one.disabled) continue;
      one.focus();
      if (document.activeElement !== one) continue;
      const box = one.getClientRects()[0];
      if (!box?.width || !box.height) continue;
      // Of what is larger than the window, the part that is in it.
      const [left, top_] = [Math.max(box.left, 0), Math.max(box.top, 0)];
      const [width, height] = [Math.min(box.right, innerWidth) - left, Math.min(box.bottom, innerHeight) - top_];
      const seen = places.some(([x, y]) => {
        const top = document.elementFromPoint(left + width * x, top_ + height * y);
        return top && (one.contains(top) || top.contains(one));
      });
      if (!seen) behind.push(said(one));
    }
    return behind;
  },

  moving() {
    const moving = document.getAnimations().map((one) => named(one.effect.target));
    for (const one of document.querySelectorAll("*")) {
      const style = getComputedStyle(one);
      if (/[1-9]/.test(style.transitionDuration) || style.scrollBehavior === "smooth") moving.push(named(one));
    }
    return [...new Set(moving)];
  },

  withoutEdge() {
    const bare = new Set();
    const parts = ".button, .badge, .avatar, input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea, .card, .banner";
    for (const one of document.querySelectorAll(`main :is(${parts})`)) {
      const style = getComputedStyle(one);
      if (one.checkVisibility() && parseFloat(style.borderTopWidth) === 0) bare.add(named(one));
    }
    return [...bare];
  },

  around() {
    const missing = [];
    const need = (there, what) => { if (!there) missing.push(what); };
    const count = (selector) => document.querySelectorAll(selector).length;
    need(document.documentElement.lang === "en", "the language");
    need(/\S+ - Towpath$/.test(document.title), `a title, not ${document.title}`);
    need(count("h1") === 1, "one first heading");
    need(count("main") === 1, "one main region");
    if (document.body.classList.contains("framed")) {
      need(count("a.skip[href='#main']"), "a link that skips the frame");
      need(count("nav[aria-label='Main']"), "the main navigation");
    }
    for (const one of document.querySelectorAll(".banner, .toast")) {
      need(one.matches("[role=status], [role=alert]"), `a role for ${said(one)}`);
    }
    for (const one of document.querySelectorAll(".status, .timeline-mark:has(.hidden), .step-mark")) {
      need(one.querySelector("svg"), `an icon for ${said(one)}`);
    }
    for (const one of document.querySelectorAll(".status")) need(one.textContent.trim(), "a word for a state");
    return missing;
  },
};
