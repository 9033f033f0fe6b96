// The architecture map. Boxes are ordinary links, laid out by CSS; the wires between them are drawn
// from where the boxes have come to lie, and anew whenever that changes.

const SVG = "http://www.w3.org/2000/svg";
const maps = new WeakMap();

export default function architecture({ data, parentElement, setTriggerValue }) {
  const map = maps.get(parentElement) ?? new ArchitectureMap(parentElement);
  maps.set(parentElement, map);
  const go = (map.go = (id) => setTriggerValue("go", id));
  map.receive(data);
  return () => {
    if (map.go !== go) return; // a call that another overtook: see `mounted` in view.js
    map.remove();
    maps.delete(parentElement);
  };
}

class ArchitectureMap {
  constructor(parent) {
    this.root = element("nav", "architecture");
    this.save = Save.buttons(() => this.saved());
    parent.append(this.root, this.save.root);
    this.resized = new ResizeObserver(() => this.drawWires());
    this.resized.observe(this.root);
  }

  remove() {
    this.resized.disconnect();
    this.root.remove();
    this.save.root.remove();
  }

  receive({ plan, text, answer, save }) {
    this.answer = answer;
    this.text = text;
    this.save.say(save);
    const said = JSON.stringify([plan, text]);
    if (said === this.said) return;
    this.said = said;
    const focused = this.root.querySelector(":focus")?.dataset.id;
    this.wires = plan.wires;
    this.boxes = new Map();
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("class", "wires");
    this.svg.setAttribute("aria-hidden", "true");
    const columns = element("div", "columns");
    columns.append(...plan.columns.map((column) => this.column(column)));
    this.root.setAttribute("aria-label", text.title);
    this.parts = [columns, legend(text)];
    this.root.replaceChildren(this.svg, ...this.parts);
    if (focused) this.boxes.get(focused)?.focus();
    this.drawWires();
  }

  column({ title, rows }) {
    const column = element("div", "column");
    const heading = element("h4", "", title);
    column.append(...rows.map((row) => (row.boxes ? this.layer(row) : this.box(row))), heading);
    return column;
  }

  layer({ id, name, boxes, open }) {
    const layer = element("div", open ? "layer open" : "layer");
    const inside = element("div", "inside");
    inside.append(...boxes.map((box) => this.box(box)));
    layer.append(this.box(name), inside);
    this.boxes.set(id, layer);
    return layer;
  }

  box({ id, label, look, href, elsewhere, here }) {
    const box = element("a", `box ${look}${elsewhere ? " elsewhere" : ""}`, label);
    box.href = href;
    box.dataset.id = id;
    box.title = label;
    if (here) box.setAttribute("aria-current", "true");
    box.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab follows the link
      event.preventDefault();
      this.go(id);
      if (!elsewhere && look !== "name") this.showAnswer(); // a layer opens on the map itself
    });
    this.boxes.set(id, box);
    return box;
  }

  // On a narrow screen the answer lies below the map: go there, or a click seems to do nothing.
  showAnswer() {
    const answer = document.querySelector(`.st-key-${this.answer}`);
    if (!answer || answer.getBoundingClientRect().top < innerHeight / 2) return;
    answer.style.scrollMarginTop = "4.5rem"; // the page's header lies over its top
    answer.scrollIntoView({ behavior: "smooth" });
  }

  saved() {
    const { title, source } = this.text;
    const boxes = Save.stack(this.parts);
    const [columns, legend] = this.parts.map((part) => part.getBoundingClientRect());
    const [left, top] = [Math.min(columns.left, legend.left), columns.top];
    const frame = this.root.getBoundingClientRect();
    const draw = (ctx) => {
      boxes.draw(ctx);
      for (const line of this.parts[1].children) drawSample(ctx, line, left, top);
      ctx.translate(frame.left - left, frame.top - top);
      for (const wire of this.svg.querySelectorAll(":scope > path")) drawWire(ctx, wire);
    };
    return { name: "jumok transformer", title, caption: source, ...boxes, draw };
  }

  drawWires() {
    if (!this.svg) return;
    const frame = this.root.getBoundingClientRect();
    const at = (id) => {
      const { left, right, top, bottom } = this.boxes.get(id).getBoundingClientRect();
      const [x0, x1] = [left - frame.left, right - frame.left];
      return { left: x0, right: x1, top: top - frame.top, bottom: bottom - frame.top };
    };
    const paths = this.wires.map(([kind, ...ids]) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", kind);
      path.setAttribute("d", ROUTES[kind](...ids.map(at)));
      if (kind !== "tied") path.setAttribute("marker-end", "url(#head)");
      return path;
    });
    this.svg.replaceChildren(arrowHead(), ...paths);
  }
}

const middle = ({ left, right }) => (left + right) / 2;
const height = ({ top, bottom }) => (top + bottom) / 2;

const ROUTES = {
  flow: (from, to) => `M${middle(to)} ${from.top} V${to.bottom + 2}`,
  // Around the sublayer on the left: from below the first box that is gone around to the sum.
  skip(from, first, sum) {
    const start = (Math.min(from.top, first.bottom + 14) + first.bottom) / 2;
    const side = first.left - 10;
    return `M${middle(first)} ${start} H${side + 6} q-6 0 -6 -6 V${height(sum) + 6} q0 -6 6 -6 H${sum.left - 2}`;
  },
  // Up over the encoder's end, along the gutter, into each decoder layer from the left.
  memory(from, row, to) {
    const gutter = row.right + 14;
    return `M${middle(from)} ${from.top} V${row.top - 12} H${gutter} V${height(to)} H${to.left - 2}`;
  },
  tied(from, to) {
    if (Math.abs(height(from) - height(to)) < 3) return `M${from.right} ${height(from)} H${to.left}`;
    return `M${from.right} ${height(from)} H${Math.max(from.right, to.right) + 8} V${height(to)} H${to.right}`;
  },
};

// Once more, for a saved picture: what the style sheet does on the page.
function drawWire(ctx, wire) {
  const style = getComputedStyle(wire);
  Object.assign(ctx, { strokeStyle: style.stroke, lineWidth: parseFloat(style.strokeWidth) });
  ctx.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(",").map(parseFloat));
  ctx.stroke(Save.path(ctx, wire.getAttribute("d")));
  ctx.setLineDash([]);
  if (!wire.hasAttribute("marker-end")) return;
  const end = wire.getPointAtLength(wire.getTotalLength());
  const before = wire.getPointAtLength(wire.getTotalLength() - 1);
  ctx.save();
  ctx.translate(end.x, end.y);
  ctx.rotate(Math.atan2(end.y - before.y, end.x - before.x));
  ctx.fillStyle = style.stroke;
  ctx.fill(Save.path(ctx, "M-6 -4L2 0L-6 4Z"));
  ctx.restore();
}

function drawSample(ctx, line, left, top) {
  const { borderTopColor, borderTopStyle } = getComputedStyle(line, "::before");
  const box = line.getBoundingClientRect();
  const y = box.top - top + box.height / 2;
  const [from, to] = [box.left - left, box.left - left + 22];
  Object.assign(ctx, { strokeStyle: borderTopColor, lineWidth: 2 });
  ctx.setLineDash(borderTopStyle === "dashed" ? [3, 4] : []);
  ctx.stroke(Save.path(ctx, `M${from} ${y}L${to} ${y}`));
  ctx.setLineDash([]);
}

function arrowHead() {
  const marker = document.createElementNS(SVG, "marker");
  const path = document.createElementNS(SVG, "path");
  const size = { id: "head", viewBox: "0 0 8 8", refX: 6, refY: 4, orient: "auto" };
  Object.entries({ ...size, markerUnits: "userSpaceOnUse", markerWidth: 8, markerHeight: 8 })
    .forEach(([name, value]) => marker.setAttribute(name, value));
  path.setAttribute("d", "M0 0 L8 4 L0 8 Z");
  marker.append(path);
  return marker;
}

function legend(text) {
  const line = element("div", "legend");
  line.append(
    element("span", "skip", text.residual),
    element("span", "memory", text.memory),
    element("span", "tied", text.tied),
  );
  return line;
}

function element(tag, className, words = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = words;
  return made;
}
