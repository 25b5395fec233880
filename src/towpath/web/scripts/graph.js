// A graph is dragged, zoomed and looked through; without this it is scrolled, and its links lead on.

const STEP = 1.25;
const LEAST = 0.2;
const MOST = 2.5;
let scale = 0; // kept when the page is fetched again

export function startGraph() {
  document.addEventListener("pointerdown", dragged);
  document.addEventListener("wheel", wheeled, { passive: false });
  document.addEventListener("keydown", pressed);
  document.addEventListener("pointerover", pointed);
  document.addEventListener("focusin", pointed);
  document.addEventListener("input", sought);
  document.addEventListener("click", asked);
  document.addEventListener("towpath:page", kept);
}

const graphOf = (element) => element.closest?.("[data-graph]");

function dragged(event) {
  const graph = graphOf(event.target);
  if (!graph || event.button !== 0 || event.pointerType === "touch" || event.target.closest("a")) return;
  event.preventDefault();
  graph.focus({ preventScroll: true });
  let { clientX: x, clientY: y } = event;
  const move = (moved) => {
    graph.scrollBy(x - moved.clientX, y - moved.clientY);
    ({ clientX: x, clientY: y } = moved);
  };
  graph.classList.add("dragged");
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", () => {
    document.removeEventListener("pointermove", move);
    graph.classList.remove("dragged");
  }, { once: true });
}

// The point under the pointer, or the middle, stays where it is.
function zoom(graph, factor, x = graph.clientWidth / 2, y = graph.clientHeight / 2) {
  const svg = graph.querySelector("svg");
  const { width } = svg.viewBox.baseVal;
  const before = svg.width.baseVal.value / width;
  const after = Math.min(MOST, Math.max(LEAST, before * factor));
  scale = after;
  size(svg);
  const change = after / before;
  graph.scrollTo((graph.scrollLeft + x) * change - x, (graph.scrollTop + y) * change - y);
}

function size(svg) {
  const { width, height } = svg.viewBox.baseVal;
  svg.setAttribute("width", width * scale);
  svg.setAttribute("height", height * scale);
}

function kept() {
  const svg = document.querySelector("[data-graph] > svg");
  if (svg && scale) size(svg);
}

function fit(graph) {
  const svg = graph.querySelector("svg");
  const { width, height } = svg.viewBox.baseVal;
  const wanted = Math.min(1, graph.clientWidth / width, graph.clientHeight / height);
  zoom(graph, wanted / (svg.width.baseVal.value / width));
}

function wheeled(event) {
  const graph = graphOf(event.target);
  if (!graph || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  const { left, top } = graph.getBoundingClientRect();
  zoom(graph, event.deltaY < 0 ? STEP : 1 / STEP, event.clientX - left, event.clientY - top);
}

function pressed(event) {
  const graph = event.target.matches?.("[data-graph]") ? event.target : null;
  if (!graph || event.ctrlKey || event.metaKey || event.altKey) return;
  const does = { "+": () => zoom(graph, STEP), "-": () => zoom(graph, 1 / STEP), 0: () => fit(graph) }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

function asked(event) {
  const button = event.target.closest?.("[data-zoom]");
  const graph = button && document.querySelector("[data-graph]");
  if (!graph) return;
  if (button.dataset.zoom === "fit") fit(graph);
  else zoom(graph, button.dataset.zoom === "in" ? STEP : 1 / STEP);
}

// What is next to the node under the pointer stands out; all else steps back.
function pointed(event) {
  const graph = graphOf(event.target);
  if (!graph) return;
  const node = event.target.closest("[data-node]")?.dataset.node;
  const near = new Set([node]);
  for (const line of graph.querySelectorAll("[data-source]")) {
    const { source, target } = line.dataset;
    const is = Boolean(node) && (source === node || target === node);
    line.classList.toggle("near", is);
    if (is) near.add(source).add(target);
  }
  graph.classList.toggle("pointing", Boolean(node));
  for (const one of graph.querySelectorAll("[data-node]")) one.classList.toggle("near", near.has(one.dataset.node));
}

function sought(event) {
  if (!event.target.matches?.("[data-graph-find]")) return;
  const words = event.target.value.toLowerCase();
  for (const node of document.querySelectorAll("[data-graph] [data-node]")) {
    node.classList.toggle("sought", words !== "" && node.textContent.toLowerCase().includes(words));
  }
  document.querySelector("[data-graph] .sought")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}
