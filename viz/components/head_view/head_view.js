// The head view. Everything that one forward pass looked at arrives once, as bytes; layers, heads and
// rows are then switched here, and only what the student selects goes back to Python. Of a long
// sentence a window arrives, and a small picture of the whole to choose another window in.

const REPEAT_MS = 120;
const PLAY_MS = 1600;
const LONG_PRESS_MS = 450;

export default function headView(component) {
  return mounted(HeadView, component);
}

class HeadView extends HeadOverview {
  constructor(parent) {
    super();
    this.pin = { layer: 0, head: null, rows: [] }; // rows of the whole sentence, from the top
    this.view = { layout: "down", rows: "mean", lines: "all", least: 0, window: null };
    this.on = new Set(); // heads that are drawn
    this.clicks = 0; // selections reported so far
    this.hover = null; // a row of the window
    this.anchor = null; // where a range of rows begins, and where it ends now
    this.cursor = null;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.build(parent);
    this.listen();
  }

  // ---- the page's side -------------------------------------------------------------------------

  receive(message) {
    const before = this.message;
    this.message = message;
    const caughtUp = !before || message.clicks >= this.clicks;
    if (caughtUp) {
      const { layer, head, query, more } = message.pin;
      this.pin = { layer, head, rows: query === null ? [] : [query, ...more] };
      this.view = { ...message.view };
    }
    this.clicks = Math.max(this.clicks, message.clicks);
    this.fit();
    if (differs(before, message, ["layers", "heads", "text", "endMarks", "sizes", "overview"]))
      this.buildControls();
    if (differs(before, message, ["queries", "keys", "text", "masked"])) this.buildLabels();
    this.layout();
    if (caughtUp && this.pin.rows.length) this.reveal();
  }

  // A new sentence may be shorter than what was selected in the old one.
  fit() {
    const { layers, heads, total } = this.message;
    const { layer, head } = this.pin;
    this.hover = null;
    this.pin.layer = Math.max(0, Math.min(layer, layers - 1));
    this.pin.rows = this.pin.rows.filter((row) => row < total[0]);
    if (!this.pin.rows.includes(this.cursor)) this.anchor = this.cursor = this.pin.rows[0] ?? null;
    const drawn = [...this.on].filter((h) => h < heads);
    if (head !== null && head < heads) this.on = new Set([head]);
    else if (drawn.length > 1) this.on = new Set(drawn);
    else this.on = new Set(range(heads));
    this.pin.head = this.soloed();
  }

  // While a key is held down, the last row is worth a trip to the server, not every row on the way.
  tell(repeated) {
    clearTimeout(this.waiting);
    const { layer, head, rows } = this.pin;
    const [query = null, ...more] = rows;
    const selection = () => ({ layer, head, query, more, view: { ...this.view }, clicks: this.clicks });
    this.clicks += 1;
    this.waiting = setTimeout(() => this.setState("pin", selection()), repeated ? REPEAT_MS : 0);
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

  change(settings) {
    Object.assign(this.view, settings);
    if ("layout" in settings) this.buildLabels();
    this.layout();
    this.tell();
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

  // ---- rows: one, a range, or one by one ---------------------------------------------------------

  chooseRow(row) {
    const alone = this.pin.rows.length === 1 && this.pin.rows[0] === row;
    this.anchor = this.cursor = alone ? null : row;
    this.select({ rows: alone ? [] : [row] });
  }

  addRow(row) {
    const rows = new Set(this.pin.rows);
    if (!rows.delete(row)) rows.add(row);
    this.anchor = this.cursor = row;
    this.select({ rows: [...rows].sort((a, b) => a - b) });
  }

  chooseRange(row, repeated) {
    this.anchor ??= row;
    this.cursor = row;
    const [from, to] = [this.anchor, row].sort((a, b) => a - b);
    this.select({ rows: range(to - from + 1).map((i) => from + i) }, repeated);
  }

  clickRow(event) {
    const item = event.target.closest("li");
    if (!item || this.held) return;
    const row = this.items.queries.indexOf(item) + this.message.first[0];
    if (event.shiftKey) this.chooseRange(row);
    else if (event.ctrlKey || event.metaKey) this.addRow(row);
    else this.chooseRow(row);
  }

  // A finger has no Ctrl key: what it rests on is added.
  rest(event) {
    clearTimeout(this.resting);
    this.held = false;
    const item = event.target.closest("li");
    if (!item || event.pointerType !== "touch") return;
    this.resting = setTimeout(() => {
      this.held = true; // the click that follows is no second choice
      this.addRow(this.items.queries.indexOf(item) + this.message.first[0]);
    }, LONG_PRESS_MS);
  }

  moveQuery(step, event) {
    const [first, count] = [this.message.first[0], this.message.queries.length];
    if (!count) return;
    const last = first + count - 1;
    const from = this.cursor ?? (step > 0 ? first - 1 : last + 1);
    const row = Math.max(first, Math.min(last, from + step));
    this.hover = null;
    if (event.shiftKey) {
      this.chooseRange(row, event.repeat);
    } else {
      this.anchor = this.cursor = row;
      this.select({ rows: [row] }, event.repeat);
    }
    this.reveal();
  }

  moveLayer(step, repeated) {
    this.stop();
    const last = this.message.layers - 1;
    this.select({ layer: Math.max(0, Math.min(last, this.pin.layer + step)) }, repeated);
  }

  press(event) {
    if (!this.isOurs(event)) return;
    if (event.target.matches("input, .overview canvas")) return; // their arrows are their own
    const across = this.view.layout === "across";
    const [back, on, less, more] = across
      ? ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]
      : ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
    const moves = {
      [back]: () => this.moveQuery(-1, event),
      [on]: () => this.moveQuery(1, event),
      Home: () => this.moveQuery(-Infinity, event),
      End: () => this.moveQuery(Infinity, event),
      [less]: () => this.moveLayer(-1, event.repeat),
      [more]: () => this.moveLayer(1, event.repeat),
      Escape: () => this.letGo(),
      0: () => this.allHeads(),
      KeyP: () => this.play(), // the key's place: a Korean keyboard writes other letters
    };
    const head = Number(event.key) - 1;
    const move = moves[event.key] ?? moves[event.code];
    this.obey(event, move ?? (head >= 0 && head < this.message.heads && (() => this.solo(head))));
  }

  letGo() {
    this.stop();
    this.anchor = this.cursor = null;
    this.select({ rows: [] });
  }

  // ---- from layer to layer -----------------------------------------------------------------------

  // Whoever wants no motion gets one layer a press.
  play() {
    if (this.playing) return this.stop();
    const step = () => this.select({ layer: (this.pin.layer + 1) % this.message.layers });
    step();
    if (this.still.matches) return;
    this.playing = setInterval(() => {
      if (this.pin.layer === this.message.layers - 1) return this.stop();
      step();
      for (const canvas of [this.base, this.top])
        canvas.animate([{ opacity: 0.15 }, {}], { duration: 350, easing: "ease-out" });
    }, PLAY_MS);
    this.namePlay();
  }

  stop() {
    clearInterval(this.playing);
    this.playing = undefined;
    this.namePlay();
  }

  // ---- pointing ----------------------------------------------------------------------------------

  point(event) {
    if (!this.message || event.pointerType === "touch") return; // a tap pins
    const box = this.sheet.getBoundingClientRect();
    this.setHover(this.rowAt(event.clientX - box.left, event.clientY - box.top));
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
    this.queries.addEventListener("click", (event) => this.clickRow(event));
    this.queries.addEventListener("pointerdown", (event) => this.rest(event));
    for (const end of ["pointerup", "pointercancel", "pointerleave"])
      this.queries.addEventListener(end, () => clearTimeout(this.resting));
    this.queries.addEventListener("contextmenu", (event) => this.held && event.preventDefault());
    this.slider.addEventListener("input", () => {
      this.view.least = Number(this.slider.value);
      this.nameLeast();
      this.redraw ??= requestAnimationFrame(() => {
        this.redraw = undefined;
        this.drawAll();
        this.refresh();
      });
    });
    this.slider.addEventListener("change", () => this.tell());
    this.thumb.addEventListener("pointerdown", (event) => this.grab(event));
    this.thumb.addEventListener("keydown", (event) => this.step(event));
    this.stilled = () => this.message && this.stop();
    this.still.addEventListener("change", this.stilled);
    this.watchWidth();
  }

  remove() {
    super.remove();
    this.still.removeEventListener("change", this.stilled); // the window would keep the view for ever
    cancelAnimationFrame(this.redraw);
    clearInterval(this.playing);
    clearTimeout(this.resting);
  }

  // Scrolls the sheet only; scrollIntoView would move the whole page.
  reveal() {
    const rows = this.chosen();
    if (!rows.length) return;
    const wanted = (this.cursor ?? 0) - this.message.first[0];
    const { at, size } = this.places.queries[rows.includes(wanted) ? wanted : rows[0]];
    const [start, extent] = this.across ? ["scrollLeft", "clientWidth"] : ["scrollTop", "clientHeight"];
    const { [start]: from, [extent]: seen } = this.scroller;
    if (at - size / 2 < from) this.scroller[start] = at - size / 2;
    else if (at + size / 2 > from + seen) this.scroller[start] = at + size / 2 - seen;
  }
}

function same(a, b) {
  return a.layer === b.layer && a.head === b.head && String(a.rows) === String(b.rows);
}

function differs(before, after, names) {
  const shape = (message) => JSON.stringify(names.map((name) => message[name]));
  return !before || shape(before) !== shape(after);
}
