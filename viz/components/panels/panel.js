// One attention map of a group. Pointing at a cell or a row marks it here and, by the links that came
// with the message, in every other map of the group. Of that only what is kept goes to the server, for
// the link.

const REPEAT_MS = 120;
const SHOWN_KEYS = 3; // of a row, read off
const WORTH_SAYING = 0.005; // half a per cent

export default function panel(component) {
  return mounted(Panel, component);
}

class Panel extends PanelMap {
  constructor(parent) {
    super();
    this.build(parent);
    this.listen();
  }

  get name() {
    return this.message.name;
  }

  // ---- the page's side -------------------------------------------------------------------------

  // The body: float32 values [query, key], then the mask [query, key] as bytes.
  async read(data) {
    const { header, body } = await unpacked(data);
    const cells = header.queries.length * header.keys.length;
    return { ...header, values: new Float32Array(body, 0, cells), mask: new Uint8Array(body, 4 * cells) };
  }

  receive(message) {
    const before = this.message;
    this.leave();
    this.message = message;
    this.group = groups.get(message.group) ?? new Group();
    groups.set(message.group, this.group);
    this.group.panels.set(message.name, this);
    const anew = !before || before.queries.join("\0") !== message.queries.join("\0");
    const { pinned } = this.group;
    const gone = pinned?.name === message.name && !this.has(pinned);
    if (gone) this.group.pinned = null;
    if (message.start && (anew || gone || !this.group.pinned)) {
      this.group.pinned = { name: message.name, row: message.start[0], key: message.start[1] };
    }
    this.group.hover = null;
    this.words();
    this.layout();
    this.group.show();
  }

  has({ row, key }) {
    return row < this.message.queries.length && (key === null || key < this.message.keys.length);
  }

  // While a key is held down, the last cell is worth a trip to the server, not every cell on the way.
  pin(at, repeated = false) {
    this.group.pin(at);
    if (!this.message.tells) return;
    clearTimeout(this.waiting);
    const { row = null, key = null } = at ?? {};
    const kept = { row, key, pins: ++this.group.pins };
    this.waiting = setTimeout(() => this.setState("pinned", kept), repeated ? REPEAT_MS : 0);
  }

  leave() {
    if (this.group?.panels.get(this.name) === this) this.group.panels.delete(this.name);
  }

  // ---- what the student does ---------------------------------------------------------------------

  // The cell under the pointer, or the row whose label it is on.
  cellAt(event) {
    const box = this.window.getBoundingClientRect();
    const { left, top, cell } = this.size;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const row = Math.floor((y - top + this.stage.scrollTop) / cell);
    const key = x < left ? null : Math.floor((x - left + this.stage.scrollLeft) / cell);
    const inside = y >= top && y <= top + this.size.seenHeight && x <= left + this.size.seenWidth;
    return inside && this.has({ row, key }) ? { name: this.name, row, key } : null;
  }

  press(event) {
    if (!this.isOurs(event)) return;
    const { queries, keys } = this.message;
    const marks = this.group.marks(this);
    const row = marks?.rows[0] ?? null;
    const key = marks?.keys?.[0] ?? null;
    const to = (nextRow, nextKey) => ({
      name: this.name,
      row: Math.max(0, Math.min(queries.length - 1, nextRow)),
      key: nextKey === null || nextKey < 0 ? null : Math.min(keys.length - 1, nextKey),
    });
    const moves = {
      ArrowUp: () => to((row ?? queries.length) - 1, key),
      ArrowDown: () => to((row ?? -1) + 1, key),
      ArrowLeft: () => to(row ?? 0, key === null ? null : key - 1),
      ArrowRight: () => to(row ?? 0, (key ?? -1) + 1),
      Home: () => to(row ?? 0, 0),
      End: () => to(row ?? 0, keys.length - 1),
      PageUp: () => to(0, key),
      PageDown: () => to(queries.length - 1, key),
      Escape: () => null,
    };
    const move = moves[event.key];
    this.obey(event, move && (() => {
      this.aloud = true;
      this.pin(move(), event.repeat);
    }));
  }

  listen() {
    const point = (event) => {
      if (this.message && event.pointerType !== "touch") this.group.point(this.cellAt(event));
    };
    this.stage.addEventListener("pointermove", point);
    this.stage.addEventListener("pointerleave", () => this.group?.point(null));
    this.stage.addEventListener("click", (event) => {
      const at = this.message && this.cellAt(event);
      if (at) this.pin(same(at, this.group.pinned) ? null : at);
    });
    this.stage.addEventListener("keydown", (event) => this.press(event));
    this.stage.addEventListener("scroll", () => this.message && this.draw());
    this.watchWidth();
  }

  remove() {
    super.remove();
    if (this.message) this.leave();
  }

  // ---- the elements ------------------------------------------------------------------------------

  build(parent) {
    const make = (tag, className, children = []) => element(tag, { className }, children);
    this.title = make("p", "title");
    this.caption = make("p", "caption");
    this.base = element("canvas", { className: "base", ariaHidden: "true" });
    this.top = element("canvas", { className: "top", ariaHidden: "true" });
    this.window = make("div", "window", [this.base, this.top]);
    this.sheet = make("div", "sheet", [this.window]);
    this.stage = element("div", { className: "stage", role: "application", tabIndex: 0 }, [this.sheet]);
    this.said = make("p", "read");
    this.pooled = make("p", "pooled");
    this.zoom = element("button", { className: "zoom", type: "button", onclick: () => this.group.zoom() });
    this.save = Save.buttons(() => this.saved());
    this.tools = make("div", "tools", [this.save.root, this.zoom]);
    this.help = element("p", { className: "unseen", id: "help" });
    this.live = element("p", { className: "unseen live", ariaLive: "polite" });
    this.stage.setAttribute("aria-describedby", "help");
    const parts = [this.title, this.caption, this.stage, this.said, this.pooled, this.tools];
    this.root = element("section", { className: "view panel" }, [...parts, this.help, this.live]);
    parent.appendChild(this.root);
  }

  words() {
    const { name, title, caption, queries, keys, text } = this.message;
    this.root.dataset.name = name;
    this.save.say(this.message.save);
    this.title.textContent = this.title.title = title;
    this.caption.textContent = this.caption.title = caption;
    this.caption.dir = "auto";
    this.help.textContent = text.help;
    this.pooled.textContent = text.pooled;
    this.stage.ariaLabel = fill(text.what, { name, title, rows: queries.length, columns: keys.length });
  }

  // What is on screen, with the chosen cell and what is read off it.
  saved() {
    const { title, caption } = this.message;
    const marks = this.group.marks(this);
    const lines = [title, caption, this.said.textContent].filter(Boolean);
    return {
      name: lines.slice(0, 2).join(" "),
      title,
      caption: lines.slice(1).join(" · "),
      width: this.size.width,
      height: this.size.height,
      draw: (ctx) => {
        this.paintBase(ctx);
        this.paintMarks(ctx, marks);
      },
    };
  }

  // ---- what is read off --------------------------------------------------------------------------

  refresh() {
    const marks = this.group.marks(this);
    if (marks) this.reveal(marks);
    this.drawMarks();
    this.said.textContent = this.readOff(marks);
    this.said.classList.toggle("faint", !marks?.rows.length || marks.keys?.length === 0);
    if (this.aloud) {
      this.aloud = false;
      queueMicrotask(() => (this.live.textContent = this.group.spoken()));
    }
  }

  // The marked weight: of a word of several tokens, the mean of its rows, the sum of its columns.
  readOff(marks) {
    const { text, queries, keys } = this.message;
    if (!marks) return text.point;
    const { from, words } = marks;
    if (!marks.rows.length) return fill(text.unmatched, { word: words.queries[from.row] });
    const query = joined(marks.rows.map((row) => queries[row]));
    if (marks.keys?.length) {
      const key = joined(marks.keys.map((one) => keys[one]));
      return fill(text.cell, { query, key, value: this.written(marks.rows, marks.keys) });
    }
    const whole = this.strongest(marks.rows, query);
    return marks.keys ? `${fill(text.unmatched, { word: words.keys[from.key] })} ${whole}` : whole;
  }

  strongest(rows, query) {
    const { text, keys, signed } = this.message;
    const size = (key) => Math.abs(this.share(rows, [key]));
    const order = keys.map((_, key) => key).sort((a, b) => size(b) - size(a));
    if (!signed && size(order[0]) === 0) return fill(text.nothing, { query });
    const items = order
      .slice(0, SHOWN_KEYS)
      .filter((key, n) => n === 0 || size(key) >= WORTH_SAYING)
      .map((key) => fill(text.item, { key: keys[key], value: this.written(rows, [key]) }));
    return fill(text.row, { query, items: items.join(" · ") });
  }

  share(rows, keys) {
    let total = 0;
    for (const row of rows) for (const key of keys) total += this.value(row, key);
    return total / rows.length;
  }

  written(rows, keys) {
    const { text, signed, exact } = this.message;
    if (rows.every((row) => keys.every((key) => !this.allowed(row, key)))) return text.masked;
    const share = this.share(rows, keys);
    const number = inPercent(Math.abs(share), exact);
    if (!signed) return fill(text.percent, { number });
    const sign = share < 0 ? "−" : share > 0 ? "+" : "";
    const about = { "<": "≈ 0", ">": `≈ ${sign}100` }[number[0]];
    return fill(text.points, { number: about ?? sign + number });
  }

  // A chosen cell that is scrolled away comes into view, in this map only.
  reveal({ rows, keys }) {
    const { cell, seenWidth, seenHeight } = this.size;
    if (!this.stage.classList.contains("closer") || this.group.hover?.name === this.name) return;
    const into = (name, index, seen) => {
      const [from, to] = [index * cell, (index + 1) * cell];
      if (from < this.stage[name]) this.stage[name] = from;
      else if (to > this.stage[name] + seen) this.stage[name] = to - seen;
    };
    if (rows.length) into("scrollTop", rows[0], seenHeight);
    if (keys?.length) into("scrollLeft", keys[0], seenWidth);
    this.drawBase();
  }
}

// One decimal; as whole per cent where the value is not exact. Never 0 or 100 for what is not.
function inPercent(share, exact) {
  const [digits, least] = exact ? [1, 0.1] : [0, 1];
  if (share === 0 && exact) return "0";
  if (share < least / 200) return `<${least}`;
  if (share > 1 - least / 200 && (!exact || share < 1 - 1e-6)) return `>${100 - least}`;
  return share >= 1 - 1e-6 ? "100" : (100 * share).toFixed(digits);
}

// "t" and "+ired" are one word again.
function joined([first, ...rest]) {
  return first + rest.map((label) => label.replace(/^\+/, "")).join("");
}
