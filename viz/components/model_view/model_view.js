// The model view. Every head's map arrives once, as bytes, and is drawn as a thumbnail; the one under
// the pointer is enlarged here, with its words and numbers. Only what the student selects goes back.

const WIDE = 760; // from here on the enlarged head stands beside the others, not above them

export default function modelView(component) {
  return mounted(ModelView, component);
}

class ModelView extends ModelEnlarged {
  constructor(parent) {
    super();
    this.turn = 0;
    this.zoom = 0; // 0: the whole map
    this.hover = null; // the tile under the pointer
    this.active = null; // the tile that the keyboard is on
    this.folded = false; // on a phone: the enlarged map makes room for the others
    this.cell = null; // the cell that is pointed at: {row, column} of the shown cells
    this.cache = new Map();
    this.build(parent);
    this.listen();
  }

  // ---- the page's side ---------------------------------------------------------------------------

  receive(message) {
    this.message = message;
    if (message.turn > this.turn || !this.chosen) this.chosen = { ...message.chosen };
    this.turn = message.turn;
    this.hover = this.cell = this.active = null;
    this.cache.clear();
    this.tiles = message.sections.flatMap((section) =>
      section.tiles.map(([layer, head, value, pale]) => ({ section, layer, head, value, pale: Boolean(pale) })),
    );
    this.words();
    this.layout();
    this.speak();
  }

  layout() {
    this.width = this.root.clientWidth;
    if (!this.width) return;
    this.narrow = this.width < WIDE;
    this.root.classList.toggle("narrow", this.narrow);
    Object.assign(this, themeOf(this.root));
    this.place();
    this.drawThumbs();
    this.mark();
    this.enlarge();
  }

  // ---- what the student does ---------------------------------------------------------------------

  select(tile, query) {
    const kind = tile.section.kind;
    const same = kind === this.chosen.kind;
    const next = { kind, layer: tile.layer, head: tile.head, query: query ?? (same ? this.chosen.query : null) };
    this.active = tile;
    if (JSON.stringify(next) === JSON.stringify(this.chosen)) return;
    this.chosen = next;
    this.mark();
    this.enlarge();
    this.speak();
    this.setState("chosen", { ...next, turn: this.turn });
  }

  move(step) {
    const now = Math.max(0, this.tiles.indexOf(this.active ?? this.selected()));
    this.go(this.tiles[Math.max(0, Math.min(this.tiles.length - 1, now + step))]);
  }

  // Up and down: the nearest tile in the lines of tiles above or below.
  climb(step) {
    const now = this.tiles[Math.max(0, this.tiles.indexOf(this.active ?? this.selected()))];
    if (!now) return;
    const lines = [...new Set(this.tiles.map((tile) => tile.y))].sort((a, b) => a - b);
    const y = lines[lines.indexOf(now.y) + step];
    if (y === undefined) return;
    const line = this.tiles.filter((tile) => tile.y === y);
    const away = (tile) => Math.abs(tile.x + tile.w / 2 - now.x - now.w / 2);
    this.go(line.reduce((best, tile) => (away(tile) < away(best) ? tile : best)));
  }

  go(tile) {
    if (!tile) return;
    this.active = tile;
    this.hover = this.cell = null;
    this.mark();
    this.enlarge();
    this.speak();
    this.reveal(tile);
  }

  setZoom(zoom) {
    this.zoom = Math.max(0, Math.min(this.windows().length, zoom));
    this.enlarge();
    this.speak();
  }

  fold(folded) {
    const { text } = this.message;
    this.folded = folded;
    this.root.classList.toggle("folded", folded);
    this.folder.textContent = folded ? "▾" : "▴";
    this.folder.ariaLabel = this.folder.title = folded ? text.unfold : text.fold;
    this.folder.ariaExpanded = String(!folded);
  }

  press(event) {
    if (!this.isOurs(event)) return;
    const moves = {
      ArrowLeft: () => this.move(-1),
      ArrowRight: () => this.move(1),
      ArrowUp: () => this.climb(-1),
      ArrowDown: () => this.climb(1),
      Home: () => this.move(-Infinity),
      End: () => this.move(Infinity),
      Enter: () => this.active && this.select(this.active),
      " ": () => this.active && this.select(this.active),
      "+": () => this.setZoom(this.zoom + 1),
      "=": () => this.setZoom(this.zoom + 1),
      "-": () => this.setZoom(this.zoom - 1),
      Escape: () => this.go(this.selected()),
    };
    this.obey(event, moves[event.key]);
  }

  // ---- pointing ----------------------------------------------------------------------------------

  // Over a thumbnail: which head, and which of its cells.
  point(event) {
    if (!this.message || event.pointerType === "touch") return; // a tap selects
    const item = event.target.closest("li");
    const tile = item ? this.tiles[this.items.indexOf(item)] : null;
    if (!tile) return this.setHover(null, null);
    const box = item.getBoundingClientRect();
    const [across, down] = [(event.clientX - box.left) / tile.w, (event.clientY - box.top) / tile.h];
    const inside = across >= 0 && across < 1 && down >= 0 && down < 1;
    this.setHover(tile, inside ? this.cellAt(tile, across, down) : null);
  }

  setHover(tile, cell) {
    const other = tile !== this.hover;
    if (!other && JSON.stringify(cell) === JSON.stringify(this.cell)) return;
    this.hover = tile;
    this.cell = cell;
    this.moved ||= other || this.zoom > 0;
    this.later();
  }

  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      if (this.moved) {
        this.mark();
        this.enlarge();
      } else this.drawCross();
      this.moved = false;
    });
  }

  listen() {
    this.list.addEventListener("keydown", (event) => this.press(event));
    this.list.addEventListener("pointermove", (event) => this.point(event));
    this.list.addEventListener("pointerleave", () => this.message && this.setHover(null, null));
    this.list.addEventListener("click", (event) => {
      const item = event.target.closest("li");
      if (item) this.select(this.tiles[this.items.indexOf(item)]);
    });
    this.picture.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch") return;
      this.cell = this.pointInside(event) ?? this.cell;
      this.later();
    });
    this.picture.addEventListener("pointerleave", () => {
      this.cell = null;
      this.later();
    });
    this.picture.addEventListener("click", (event) => {
      this.cell = this.pointInside(event) ?? this.cell;
      if (!this.cell || !this.big) return;
      const query = this.named(this.big.cells, this.cell).query;
      this.select(this.shown(), query);
      this.drawCross();
    });
    this.watchWidth();
  }

  // ---- the elements ------------------------------------------------------------------------------

  build(parent) {
    const make = (tag, className, children = []) => element(tag, { className }, children);
    const button = (textContent, step) =>
      element("button", { type: "button", textContent, onclick: () => this.setZoom(this.zoom + step) });
    this.legend = make("span", "legend");
    this.saveAll = Save.buttons(() => this.savedAll());
    this.notes = make("p", "notes");
    this.thumbs = element("canvas", { ariaHidden: "true" });
    this.list = element("ul", { className: "tiles", role: "listbox", tabIndex: 0 });
    this.marks = element("div", { ariaHidden: "true" });
    this.frameBox = make("div", "frame");
    this.sheet = make("div", "sheet", [this.marks, this.thumbs, this.list, this.frameBox]);
    this.scroller = make("div", "scroller", [this.sheet]);
    this.hint = make("p", "notes hint");
    this.help = element("p", { className: "unseen", id: "help" });
    const bar = make("div", "bar", [this.legend, this.saveAll.root]);
    this.everything = make("div", "all", [bar, this.notes, this.scroller, this.hint, this.help]);

    this.title = make("p", "title");
    [this.smaller, this.larger] = [button("−", -1), button("+", 1)];
    this.zoomed = make("span", "zoomed");
    this.zoomer = element("span", { className: "zoom", role: "group" }, [this.zoomed, this.smaller, this.larger]);
    this.folder = element("button", { type: "button", className: "fold", onclick: () => this.fold(!this.folded) });
    this.saveOne = Save.buttons(() => this.savedOne());
    this.told = make("p", "cell");
    this.base = element("canvas", { className: "base", ariaHidden: "true" });
    this.cross = element("canvas", { className: "cross", ariaHidden: "true" });
    this.picture = make("div", "picture", [this.base, this.cross]);
    this.bigNote = make("p", "notes big-note");
    const tools = make("div", "bar", [this.zoomer, this.saveOne.root, this.folder]);
    const head = make("div", "head", [this.title, tools]);
    this.one = make("div", "one", [head, this.told, this.picture, this.bigNote]);

    this.body = make("div", "body", [this.everything, this.one]);
    this.live = element("p", { className: "unseen live", ariaLive: "polite" });
    this.root = element("section", { className: "view model-view" }, [this.body, this.live]);
    this.list.setAttribute("aria-describedby", "help");
    parent.appendChild(this.root);
  }

  words() {
    const { text, sections, scale, ink } = this.message;
    this.root.ariaLabel = this.list.ariaLabel = text.title;
    this.root.style.setProperty("--ink", ink);
    this.hint.textContent = text.hint;
    this.help.textContent = text.help;
    this.zoomer.ariaLabel = text.zoom;
    this.larger.ariaLabel = this.larger.title = text.larger;
    this.smaller.ariaLabel = this.smaller.title = text.smaller;
    this.fold(this.folded);
    for (const save of [this.saveAll, this.saveOne]) save.say(this.message.save);
    const plain = (words, className = "") => element("span", { textContent: words, className });
    const scaleOf = scale === "all" ? [] : [plain(text[`scale_${scale}`], "own")];
    this.ramp = element("canvas", { className: "ramp", width: 144, height: 22 });
    this.swatch = element("canvas", { className: "swatch", width: 32, height: 22 });
    for (const [canvas, paint] of this.samples()) {
      const ctx = canvas.getContext("2d");
      ctx.scale(2, 2);
      paint(ctx);
    }
    const masked = sections.some((section) => section.masked);
    const hatched = masked ? [this.swatch, plain(text.masked, "hatched")] : [];
    const full = scale === "all" ? fill(text.percent, { percent: 100 }) : text.largest;
    const ramp = [plain("0"), this.ramp, plain(full)];
    this.legend.replaceChildren(...ramp, ...scaleOf, ...hatched);
    this.items = this.tiles.map((tile, i) => this.item(tile, i));
    this.list.replaceChildren(...this.items);
  }

  item(tile, i) {
    const { text } = this.message;
    const label = [this.nameOf(tile), tile.value && `${text.value} ${tile.value}`, tile.pale && text.pale];
    const item = element("li", { role: "option", id: `tile${i}`, className: tile.pale ? "pale" : "" });
    item.ariaLabel = label.filter(Boolean).join(", ");
    return item;
  }

  // For those who do not see it: which head, and its three strongest pairs.
  speak() {
    const tile = this.active ?? this.selected();
    if (!tile) return;
    const { text } = this.message;
    const cells = cellsOf(this.message, tile);
    const order = strongest(cells.weights, 3);
    const pairs = order.map((at) =>
      fill(text.item, this.pair(tile, cells, { row: Math.floor(at / cells.columns), column: at % cells.columns })),
    );
    const state = tile === this.selected() ? text.selected : "";
    const value = tile.value && `${text.value} ${tile.value}`;
    const words = [this.nameOf(tile), state, value, fill(text.strongest, { pairs: pairs.join(", ") })];
    this.live.textContent = words.filter(Boolean).join(" · ");
  }

  // ---- saving ------------------------------------------------------------------------------------

  savedAll() {
    const { text } = this.message;
    const samples = this.samples();
    const draw = (ctx, canvas) => (samples.get(canvas) ?? ((thumbs) => this.paintThumbs(thumbs)))(ctx);
    return { name: text.title, title: text.title, caption: text.sentence, ...Save.stack([this.legend, this.notes, this.sheet], draw) };
  }

  savedOne() {
    const { tile, outer } = this.big;
    const draw = (ctx) => {
      this.paintBig(ctx);
      this.paintCross(ctx, this.cell ?? this.resting(tile, this.big.cells));
    };
    const title = this.nameOf(tile);
    return { name: title, title, caption: this.message.text.sentence, ...outer, draw };
  }
}
