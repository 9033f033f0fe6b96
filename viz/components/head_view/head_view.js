// The head view. Everything that one forward pass looked at arrives once, as bytes; layers, heads and
// rows are then switched here, and only what the student selects goes back to Python.

const LIGHT = ["#0b69b7", "#d55e00", "#73247b", "#3da354", "#3e21ce", "#c477a8", "#075050", "#694a2f"];
const DARK = ["#4aa3f0", "#f58a3c", "#e5b8f0", "#18a878", "#fbce0d", "#8a8bf5", "#ee4fb4", "#cae091"];
const ROW = { highest: 34, lowest: 20, lowestTouch: 30, sheet: 520 };
const GAP_MAX = 440;
const STRIPS_MAX = 64;
const CANVAS_PIXELS = 16e6; // what a phone's browser still allocates
const FAINT = 5; // of 255: a line of 2 % ink among thousands cannot be seen
const REPEAT_MS = 120;

const views = new WeakMap();

export default function headView({ data, parentElement, setStateValue }) {
  const view = views.get(parentElement) ?? new HeadView(parentElement);
  views.set(parentElement, view);
  view.report = (selection) => setStateValue("pin", selection);
  view.expect(unpack(data));
  return () => {
    view.remove();
    views.delete(parentElement);
  };
}

// 4 bytes with the header's length, the header as JSON, and a zlib stream of the weights
// [layer, head, query, key] followed by the mask [query, key].
async function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const packed = new Blob([bytes.subarray(4 + length)]).stream();
  const unpacked = packed.pipeThrough(new DecompressionStream("deflate"));
  const body = new Uint8Array(await new Response(unpacked).arrayBuffer());
  const end = header.layers * header.heads * header.queries.length * header.keys.length;
  return { ...header, weights: body.subarray(0, end), mask: body.subarray(end) };
}

class HeadView {
  constructor(parent) {
    this.pin = { layer: 0, head: null, query: null };
    this.on = new Set(); // heads that are drawn
    this.clicks = 0; // selections reported so far
    this.hover = null;
    this.build(parent);
    this.listen();
  }

  // ---- the page's side -------------------------------------------------------------------------

  // Unpacking takes a moment; a message that was overtaken meanwhile is not drawn any more.
  async expect(unpacking) {
    this.expected = unpacking;
    const message = await unpacking;
    if (this.expected === unpacking) this.receive(message);
  }

  receive(message) {
    const before = this.message;
    this.message = message;
    const caughtUp = !before || message.clicks >= this.clicks;
    if (caughtUp) this.pin = { ...message.pin };
    this.clicks = Math.max(this.clicks, message.clicks);
    this.fit();
    if (differs(before, message, ["layers", "heads", "text"])) this.buildControls();
    if (differs(before, message, ["queries", "keys", "text", "masked"])) this.buildLabels();
    this.layout();
    if (caughtUp && this.pin.query !== null) this.reveal();
  }

  // A new sentence may be shorter than what was selected in the old one.
  fit() {
    const { layers, heads, queries } = this.message;
    const { layer, head, query } = this.pin;
    this.hover = null;
    this.pin.layer = Math.max(0, Math.min(layer, layers - 1));
    if (query !== null && query >= queries.length) this.pin.query = null;
    const drawn = [...this.on].filter((h) => h < heads);
    if (head !== null && head < heads) this.on = new Set([head]);
    else if (drawn.length > 1) this.on = new Set(drawn);
    else this.on = new Set(range(heads));
    this.pin.head = this.soloed();
  }

  soloed() {
    return this.on.size === 1 && this.message.heads > 1 ? [...this.on][0] : null;
  }

  // While a key is held down, the last row is worth a trip to the server, not every row on the way.
  tell(repeated) {
    clearTimeout(this.waiting);
    const send = () => this.report({ ...this.pin, clicks: this.clicks });
    this.clicks += 1;
    this.waiting = setTimeout(send, repeated ? REPEAT_MS : 0);
  }

  // ---- what the student does ---------------------------------------------------------------------

  select(change, repeated = false) {
    const next = { ...this.pin, ...change };
    if (same(next, this.pin)) return;
    const redrawLines = next.layer !== this.pin.layer;
    this.pin = next;
    if (redrawLines) this.drawAll();
    this.refresh();
    this.tell(repeated);
  }

  setHeads(heads) {
    this.on = new Set(heads);
    this.drawAll();
    if (this.soloed() === this.pin.head) this.refresh();
    else this.select({ head: this.soloed() });
  }

  solo(head) {
    this.setHeads([head]);
  }

  allHeads() {
    this.setHeads(range(this.message.heads));
  }

  toggle(head) {
    const heads = new Set(this.on);
    if (!heads.delete(head)) heads.add(head);
    if (heads.size) this.setHeads(heads);
    else this.allHeads();
  }

  clickHead(event, head) {
    if (event.detail < 2) this.wasAlone = this.soloed() === head;
    if (event.shiftKey) this.solo(head);
    else if (event.detail < 2) this.toggle(head);
    else if (event.detail === 2) this.wasAlone ? this.allHeads() : this.solo(head);
  }

  moveQuery(step, repeated) {
    const last = this.message.queries.length - 1;
    if (last < 0) return;
    const from = this.pin.query ?? (step > 0 ? -1 : last + 1);
    this.hover = null;
    this.select({ query: Math.max(0, Math.min(last, from + step)) }, repeated);
    this.reveal();
  }

  moveLayer(step, repeated) {
    const last = this.message.layers - 1;
    this.select({ layer: Math.max(0, Math.min(last, this.pin.layer + step)) }, repeated);
  }

  press(event) {
    if (!this.message || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = {
      ArrowUp: () => this.moveQuery(-1, event.repeat),
      ArrowDown: () => this.moveQuery(1, event.repeat),
      Home: () => this.moveQuery(-Infinity, event.repeat),
      End: () => this.moveQuery(Infinity, event.repeat),
      ArrowLeft: () => this.moveLayer(-1, event.repeat),
      ArrowRight: () => this.moveLayer(1, event.repeat),
      Escape: () => this.select({ query: null }),
      0: () => this.allHeads(),
    };
    const head = Number(event.key) - 1;
    const move = moves[event.key] ?? (head >= 0 && head < this.message.heads && (() => this.solo(head)));
    if (!move) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has hotkeys of its own
    move();
  }

  point(event) {
    if (!this.message || event.pointerType === "touch") return; // a tap pins
    const box = this.sheet.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const row = Math.floor(y / this.rowHeight);
    const inside = x >= 0 && x < this.left + 16 && row >= 0 && row < this.message.queries.length;
    this.setHover(inside ? row : null);
  }

  setHover(row) {
    if (row === this.hover) return;
    this.hover = row;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.drawRow();
    });
  }

  listen() {
    this.root.addEventListener("keydown", (event) => this.press(event));
    this.sheet.addEventListener("pointermove", (event) => this.point(event));
    this.sheet.addEventListener("pointerleave", () => this.setHover(null));
    this.queries.addEventListener("click", (event) => {
      const item = event.target.closest("li");
      if (!item) return;
      const query = this.items.queries.indexOf(item);
      this.select({ query: query === this.pin.query ? null : query });
    });
    this.resizer = new ResizeObserver(() => {
      if (this.message && this.root.clientWidth !== this.width) this.layout();
    });
    this.resizer.observe(this.root);
  }

  remove() {
    this.expected = null;
    this.resizer.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.waiting);
    this.root.remove();
  }

  // ---- the elements ------------------------------------------------------------------------------

  build(parent) {
    const make = (tag, className, children = []) => element(tag, { className }, children);
    this.layers = element("div", { className: "group layers", role: "group" });
    this.heads = element("div", { className: "group heads", role: "group" });
    this.titles = { query: make("span", "title"), key: make("span", "title"), mean: make("span", "mean") };
    this.base = element("canvas", { className: "base", ariaHidden: "true" });
    this.top = element("canvas", { className: "top", ariaHidden: "true" });
    this.queries = element("ul", { className: "labels queries", role: "listbox", tabIndex: 0 });
    this.keys = element("ol", { className: "labels keys", ariaHidden: "true" });
    this.note = make("p", "note");
    this.sheet = make("div", "sheet", [this.base, this.top, this.queries, this.keys, this.note]);
    this.scroller = make("div", "scroller", [this.sheet]);
    const keyTitle = make("span", "key-title", [this.titles.key, this.titles.mean]);
    const titles = make("div", "titles", [this.titles.query, keyTitle]);
    this.plot = make("div", "plot", [titles, this.scroller]);
    this.empty = make("p", "empty");
    this.legend = make("p", "legend");
    this.hint = make("p", "hint");
    this.help = element("p", { className: "unseen", id: "help" });
    this.live = element("p", { className: "unseen live", ariaLive: "polite" });
    this.table = make("table", "unseen");
    const controls = make("div", "controls", [this.layers, this.heads]);
    const parts = [this.plot, this.empty, this.legend, this.hint, this.help, this.live, this.table];
    this.root = element("section", { className: "head-view" }, [controls, ...parts]);
    this.queries.setAttribute("aria-describedby", "help");
    parent.appendChild(this.root);
  }

  buildControls() {
    const { layers, heads, text } = this.message;
    this.root.ariaLabel = text.title;
    this.layers.ariaLabel = text.layers;
    this.heads.ariaLabel = text.heads;
    const caption = (words) => element("span", { className: "caption", textContent: words });
    this.layerButtons = range(layers).map((layer) =>
      element("button", {
        type: "button",
        textContent: layer + 1,
        ariaLabel: fill(text.layer, { layer: layer + 1 }),
        onclick: () => this.select({ layer }),
      }),
    );
    this.chips = range(heads).map((head) =>
      element("button", {
        type: "button",
        className: "chip",
        textContent: head + 1,
        ariaLabel: fill(text.head, { head: head + 1 }),
        onclick: (event) => this.clickHead(event, head),
      }),
    );
    this.all = element("button", {
      type: "button",
      className: "all",
      textContent: text.all_heads,
      onclick: () => this.allHeads(),
    });
    const segments = element("div", { className: "segments" }, this.layerButtons);
    this.layers.replaceChildren(caption(text.layers), segments);
    this.heads.replaceChildren(caption(text.heads), ...this.chips, this.all);
  }

  buildLabels() {
    const { queries, keys, text, masked } = this.message;
    const label = (words) => element("span", { textContent: words, title: words, dir: "auto" });
    this.items = {
      queries: queries.map((words, i) => element("li", { role: "option", id: `q${i}` }, [label(words)])),
      keys: keys.map((words) => element("li", {}, [label(words)])),
    };
    this.queries.replaceChildren(...this.items.queries);
    this.keys.replaceChildren(...this.items.keys);
    this.queries.ariaLabel = text.queries;
    this.titles.query.textContent = text.queries;
    this.titles.key.textContent = text.keys;
    this.legend.textContent = text.masked;
    this.legend.hidden = !masked;
    this.hint.textContent = text.hint;
    this.help.textContent = text.help;
    this.empty.textContent = text.empty;
    const nothing = !queries.length || !keys.length;
    this.root.classList.toggle("is-empty", nothing);
  }

  // ---- sizes and colours -------------------------------------------------------------------------

  layout() {
    const { queries, keys, heads } = this.message;
    this.readTheme();
    this.width = this.root.clientWidth;
    const rows = Math.max(queries.length, keys.length, 1);
    const lowest = matchMedia("(pointer: coarse)").matches ? ROW.lowestTouch : ROW.lowest;
    this.rowHeight = Math.max(lowest, Math.min(ROW.highest, Math.floor(ROW.sheet / rows)));
    const narrow = this.width < 480;
    this.fontSize = this.rowHeight >= 30 && !narrow ? 16 : this.rowHeight >= 25 ? 15 : 14;
    const ctx = this.top.getContext("2d");
    ctx.font = `600 ${this.fontSize}px ${this.font}`;
    const widest = (labels) => Math.max(0, ...labels.map((words) => ctx.measureText(words).width));
    const [queryWidth, keyWidth] = [widest(queries), widest(keys)];
    this.strip = Math.min(narrow ? 4 : 7, STRIPS_MAX / Math.max(1, heads));
    this.strips = heads > 1 ? heads * this.strip + 4 : 0;
    ctx.font = `600 ${this.fontSize - 2}px ${this.font}`;
    this.percentWidth = 8 + widest([fill(this.message.text.percent, { percent: ">99" })]);
    const numbers = this.strips + this.percentWidth;
    const left = Math.min(queryWidth + 26, 0.32 * this.width);
    const right = Math.min(keyWidth + 16 + numbers, 0.5 * this.width);
    this.plotWidth = Math.floor(Math.min(this.width, left + right + GAP_MAX));
    this.height = rows * this.rowHeight;
    for (const [name, value] of Object.entries({
      "--row": this.rowHeight,
      "--size": this.fontSize,
      "--left": left,
      "--right": right,
      "--numbers": numbers,
      "--percent": this.percentWidth,
      "--plot": this.plotWidth,
      "--height": this.height,
    }))
      this.root.style.setProperty(name, `${value}px`);
    // A scroll bar takes its width from the sheet.
    this.sheetWidth = this.sheet.clientWidth;
    this.left = left;
    this.right = this.sheetWidth - right;
    for (const canvas of [this.base, this.top]) this.resize(canvas);
    this.drawAll();
    this.refresh();
  }

  resize(canvas) {
    const area = Math.max(1, this.sheetWidth * this.height);
    const scale = Math.min(window.devicePixelRatio || 1, Math.sqrt(CANVAS_PIXELS / area));
    canvas.width = Math.round(this.sheetWidth * scale);
    canvas.height = Math.round(this.height * scale);
    canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
  }

  readTheme() {
    const style = getComputedStyle(this.root);
    const ground = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
    this.dark = luminance(ground) < 0.2;
    this.ink = style.color;
    this.font = style.fontFamily;
    const palette = this.dark ? DARK : LIGHT;
    this.colours = range(this.message.heads).map((head) => palette[head % palette.length]);
    this.chips.forEach((chip, head) => {
      chip.style.setProperty("--colour", this.colours[head]);
      chip.style.setProperty("--on-colour", luminance(this.colours[head]) > 0.2 ? "#101513" : "#ffffff");
    });
  }

  // ---- drawing -----------------------------------------------------------------------------------

  weightAt(head, query, key) {
    const { heads, queries, keys, weights } = this.message;
    return weights[((this.pin.layer * heads + head) * queries.length + query) * keys.length + key];
  }

  allowed(query, key) {
    return !this.message.masked || this.message.mask[query * this.message.keys.length + key] === 1;
  }

  // Each head has a lane of its own in every row, so that equal weights do not hide each other.
  lanes() {
    const heads = [...this.on].sort((a, b) => a - b);
    const height = (this.rowHeight - 8) / heads.length;
    return heads.map((head, i) => ({ head, height, shift: (i + 0.5 - heads.length / 2) * height }));
  }

  // Lines of one head and about one weight are one path: strokes are what costs time.
  lines(ctx, rows, faintest, ink, thickness) {
    const middle = (row) => (row + 0.5) * this.rowHeight;
    const [from, to] = [this.left + 4, this.right - 6];
    const bend = (to - from) * 0.45;
    const nKeys = this.message.keys.length;
    ctx.lineCap = "round";
    for (const { head, shift } of this.lanes()) {
      const paths = new Map();
      for (const row of rows)
        for (let key = 0; key < nKeys; key++) {
          const weight = this.weightAt(head, row, key);
          if (weight < faintest) continue;
          const level = weight >> 2;
          if (!paths.has(level)) paths.set(level, new Path2D());
          const [y0, y1] = [middle(row) + shift * 0.3, middle(key) + shift];
          const path = paths.get(level);
          path.moveTo(from, y0);
          path.bezierCurveTo(from + bend, y0, to - bend, y1, to, y1);
        }
      ctx.strokeStyle = this.colours[head];
      for (const [level, path] of [...paths].sort(([a], [b]) => a - b)) {
        const share = (4 * level + 2) / 256;
        ctx.globalAlpha = ink(share);
        ctx.lineWidth = thickness(share);
        ctx.stroke(path);
      }
    }
    ctx.globalAlpha = 1;
  }

  drawAll() {
    const ctx = this.base.getContext("2d");
    ctx.clearRect(0, 0, this.sheetWidth, this.height);
    const rows = range(this.message.queries.length);
    this.lines(ctx, rows, FAINT, (share) => share, (share) => 0.75 + 2.5 * share);
  }

  // The one row under the pointer, or the pinned one; all that a hover costs.
  drawRow() {
    const { queries, keys, text } = this.message;
    const ctx = this.top.getContext("2d");
    ctx.clearRect(0, 0, this.sheetWidth, this.height);
    const row = this.hover ?? this.pin.query;
    this.mark(row);
    this.root.classList.toggle("has-row", row !== null);
    this.root.classList.toggle("alone", this.on.size === 1);
    this.note.hidden = row === null || this.hasWeight(row);
    if (row === null) return;
    if (!this.note.hidden) {
      this.note.textContent = fill(text.nothing, { query: queries[row] });
      this.note.style.top = `${(row + 0.5) * this.rowHeight}px`;
    }
    if (this.on.size === 1) this.drawBars(ctx, row, [...this.on][0]);
    else this.drawStrips(ctx, row);
    this.lines(ctx, [row], 1, (share) => 0.12 + 0.88 * share, (share) => 0.75 + 6 * share);
    this.drawPercent(ctx, row);
    keys.forEach((_, key) => this.allowed(row, key) || this.drawMasked(ctx, key));
  }

  // One head: a bar behind each key's label, as long as its weight; the pale track is weight 1.
  drawBars(ctx, row, head) {
    const width = this.sheetWidth - this.percentWidth - this.right;
    const height = this.rowHeight - 6;
    this.message.keys.forEach((_, key) => {
      if (!this.allowed(row, key)) return;
      const top = (key + 0.5) * this.rowHeight - height / 2;
      ctx.fillStyle = this.ink;
      ctx.globalAlpha = 0.045;
      ctx.fillRect(this.right, top, width, height);
      ctx.fillStyle = this.colours[head];
      ctx.globalAlpha = this.dark ? 0.5 : 0.36;
      ctx.fillRect(this.right, top, (width * this.weightAt(head, row, key)) / 255, height);
    });
    ctx.globalAlpha = 1;
  }

  // Several heads: a strip for each beside the key, always at the same place, filled up to its weight.
  drawStrips(ctx, row) {
    const from = this.sheetWidth - this.percentWidth - this.strips;
    const height = this.rowHeight - 6;
    const bottom = (key) => (key + 0.5) * this.rowHeight + height / 2;
    ctx.fillStyle = this.ink;
    ctx.globalAlpha = 0.06;
    this.message.keys.forEach((_, key) => {
      if (this.allowed(row, key)) ctx.fillRect(from, bottom(key) - height, this.strips - 4, height);
    });
    ctx.globalAlpha = 1;
    for (const head of this.on) {
      ctx.fillStyle = this.colours[head];
      this.message.keys.forEach((_, key) => {
        const filled = (height * this.weightAt(head, row, key)) / 255;
        if (filled) ctx.fillRect(from + head * this.strip, bottom(key) - filled, this.strip - 1, filled);
      });
    }
  }

  drawPercent(ctx, row) {
    ctx.font = `600 ${this.fontSize - 2}px ${this.font}`;
    ctx.fillStyle = this.ink;
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    this.percents(row).forEach((percent, key) => {
      if (percent === "0" || percent === "<1") return;
      const words = fill(this.message.text.percent, { percent });
      ctx.fillText(words, this.sheetWidth - 2, (key + 0.5) * this.rowHeight + 0.5);
    });
  }

  drawMasked(ctx, key) {
    ctx.strokeStyle = this.ink;
    ctx.globalAlpha = 0.55;
    ctx.lineWidth = 1.25;
    ctx.beginPath();
    ctx.arc(this.right - 7, (key + 0.5) * this.rowHeight, 3.5, 0, 2 * Math.PI);
    ctx.stroke();
    ctx.globalAlpha = 1;
  }

  mark(row) {
    this.items.queries.forEach((item, query) => {
      item.classList.toggle("hovered", query === this.hover);
      item.classList.toggle("pinned", query === this.pin.query);
    });
    this.items.keys.forEach((item, key) =>
      item.classList.toggle("masked", row !== null && !this.allowed(row, key)),
    );
  }

  // ---- words -------------------------------------------------------------------------------------

  hasWeight(row) {
    const { keys } = this.message;
    return [...this.on].some((head) => keys.some((_, key) => this.weightAt(head, row, key)));
  }

  // Python sends the selected row in exact per cent; other rows are read off the bytes.
  percents(row) {
    const { keys, pin, percent, heads } = this.message;
    const whole = this.pin.head !== null || this.on.size === heads;
    if (whole && row === this.pin.query && same(pin, this.pin)) return percent;
    const shown = [...this.on];
    return keys.map((_, key) => {
      const total = shown.reduce((sum, head) => sum + this.weightAt(head, row, key), 0);
      return inPercent(total / shown.length / 255);
    });
  }

  refresh() {
    const { text, heads } = this.message;
    const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));
    this.layerButtons.forEach((button, layer) => press(button, layer === this.pin.layer));
    this.chips.forEach((chip, head) => press(chip, this.on.has(head)));
    press(this.all, this.on.size === heads);
    this.titles.mean.textContent = this.on.size > 1 ? fill(text.mean, { count: this.on.size }) : "";
    this.items.queries.forEach((item, query) =>
      item.setAttribute("aria-selected", String(query === this.pin.query)),
    );
    const active = this.pin.query === null ? "" : `q${this.pin.query}`;
    this.queries.setAttribute("aria-activedescendant", active);
    this.drawRow();
    this.speak();
  }

  // What the picture shows, for those who do not see it: the strongest keys aloud, all in a table.
  speak() {
    const { text, queries, keys } = this.message;
    const layer = fill(text.layer, { layer: this.pin.layer + 1 });
    const head =
      this.pin.head === null
        ? fill(text.mean, { count: this.on.size })
        : fill(text.head, { head: this.pin.head + 1 });
    const row = this.pin.query;
    if (row === null || !keys.length) {
      this.say(`${layer} · ${head}`);
      this.table.replaceChildren();
      return;
    }
    const percents = this.percents(row).map((percent) => fill(text.percent, { percent }));
    const order = range(keys.length).sort((a, b) => this.total(row, b) - this.total(row, a));
    const items = order.slice(0, 5).map((key) => fill(text.item, { key: keys[key], percent: percents[key] }));
    const spoken = this.hasWeight(row)
      ? fill(text.row, { query: queries[row], keys: items.join(", ") })
      : fill(text.nothing, { query: queries[row] });
    this.say(`${layer} · ${head} · ${spoken}`);
    const line = (tag, cells) =>
      element("tr", {}, cells.map((words) => element(tag, { textContent: words })));
    const rows = keys.map((words, key) =>
      line("td", [words, this.allowed(row, key) ? percents[key] : text.masked]),
    );
    this.table.replaceChildren(
      element("caption", { textContent: `${layer} · ${head} · ${queries[row]}` }),
      line("th", [text.keys, text.weight]),
      ...rows,
    );
  }

  say(words) {
    if (this.live.textContent !== words) this.live.textContent = words;
  }

  total(row, key) {
    return [...this.on].reduce((sum, head) => sum + this.weightAt(head, row, key), 0);
  }

  // Scrolls the sheet only; scrollIntoView would move the whole page.
  reveal() {
    const [top, bottom] = [this.pin.query * this.rowHeight, (this.pin.query + 1) * this.rowHeight];
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.scroller.scrollTop = bottom - clientHeight;
  }
}

// ---- small things ----------------------------------------------------------------------------------

function element(tag, properties = {}, children = []) {
  const made = document.createElement(tag);
  const { role, ...plain } = properties;
  if (role) made.setAttribute("role", role);
  Object.assign(made, plain);
  made.append(...children);
  return made;
}

// One pass, so that a label that looks like a template stays a label.
function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function inPercent(share) {
  if (share > 0 && share < 0.005) return "<1";
  if (share > 0.995 && share < 1) return ">99";
  return String(Math.round(100 * share));
}

function range(count) {
  return Array.from({ length: count }, (_, i) => i);
}

function same(a, b) {
  return a.layer === b.layer && a.head === b.head && a.query === b.query;
}

function differs(before, after, names) {
  const shape = (message) => JSON.stringify(names.map((name) => message[name]));
  return !before || shape(before) !== shape(after);
}

function luminance(colour) {
  const ctx = document.createElement("canvas").getContext("2d");
  ctx.fillStyle = colour;
  ctx.fillRect(0, 0, 1, 1);
  const linear = [...ctx.getImageData(0, 0, 1, 1).data]
    .slice(0, 3)
    .map((byte) => byte / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}
