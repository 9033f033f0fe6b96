// The neuron view: one query of one head, every key as a strip of d_k products, and the chosen pair in
// every layer and head. All numbers come from Python; here they are placed, sorted and painted.

const REPEAT_MS = 120;

export default function neuronView(component) {
  return mounted(NeuronView, component);
}

class NeuronView extends NeuronStrips {
  constructor(parent) {
    super();
    this.clicks = 0; // moves reported so far
    this.pointed = null; // the cell whose numbers are read: { key, column } or { layer, head }
    this.build(parent);
    this.listen();
  }

  receive(message) {
    const before = this.message;
    this.message = message;
    if (!before || message.clicks >= this.clicks) this.place = { ...message.place };
    this.clicks = Math.max(this.clicks, message.clicks);
    this.place.key = Math.min(this.place.key, message.keys.length - 1);
    this.pointed = null;
    const words = (one) => JSON.stringify([one?.text, one?.save]);
    if (words(before) !== words(message)) this.buildWords();
    this.layout();
    this.reveal();
  }

  tell(repeated) {
    clearTimeout(this.waiting);
    this.clicks += 1;
    const send = () => this.setState("place", { ...this.place, clicks: this.clicks });
    this.waiting = setTimeout(send, repeated ? REPEAT_MS : 0);
  }

  // ---- what the student does ---------------------------------------------------------------------

  move(change, repeated = false) {
    if (Object.entries(change).every(([name, value]) => this.place[name] === value)) return;
    Object.assign(this.place, change);
    this.draw();
    this.tell(repeated);
  }

  moveKey(step, event) {
    this.move({ key: clamp(this.place.key + step, this.message.keys.length) }, event.repeat);
    this.pointed = this.pointed?.column === undefined ? null : { ...this.pointed, key: this.place.key };
    this.reveal();
    this.drawRows();
    this.sayRead();
    this.speak();
  }

  moveColumn(step) {
    const last = this.message.d_k - 1;
    const from = this.pointed?.column ?? (step > 0 ? -1 : last + 1);
    this.pointed = { key: this.place.key, column: Math.max(0, Math.min(last, from + step)) };
    this.drawRows();
    this.sayRead();
    this.speak();
  }

  moveHead(layers, heads, event) {
    const { layer, head } = this.place;
    const to = { layer: clamp(layer + layers, this.message.layers), head: clamp(head + heads, this.message.heads) };
    this.move(to, event.repeat);
  }

  press(event, moves) {
    if (this.isOurs(event)) this.obey(event, moves[event.key]);
  }

  listen() {
    this.scroller.addEventListener("keydown", (event) =>
      this.press(event, {
        ArrowUp: () => this.moveKey(-1, event),
        ArrowDown: () => this.moveKey(1, event),
        Home: () => this.moveKey(-Infinity, event),
        End: () => this.moveKey(Infinity, event),
        ArrowLeft: () => this.moveColumn(-1),
        ArrowRight: () => this.moveColumn(1),
      }),
    );
    this.grid.addEventListener("keydown", (event) =>
      this.press(event, {
        ArrowUp: () => this.moveHead(-1, 0, event),
        ArrowDown: () => this.moveHead(1, 0, event),
        ArrowLeft: () => this.moveHead(0, -1, event),
        ArrowRight: () => this.moveHead(0, 1, event),
      }),
    );
    this.scroller.addEventListener("scroll", () => this.later());
    this.rows.addEventListener("pointermove", (event) => this.point(this.cellAt(event)));
    this.pair.addEventListener("pointermove", (event) => this.point(this.pairAt(event)));
    this.grid.addEventListener("pointermove", (event) => this.point(this.headAt(event)));
    for (const canvas of [this.rows, this.pair, this.grid])
      canvas.addEventListener("pointerleave", () => this.point(null));
    this.rows.addEventListener("click", (event) => {
      const cell = this.cellAt(event);
      if (cell) this.move({ key: cell.key });
      this.point(cell);
    });
    this.grid.addEventListener("click", (event) => {
      const at = this.headAt(event);
      if (at) this.move({ layer: at.layer, head: at.head });
    });
    this.watchWidth();
  }

  point(read) {
    if (JSON.stringify(read) === JSON.stringify(this.pointed)) return;
    this.pointed = read;
    this.later();
  }

  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.drawRows();
      this.drawGrid();
      this.sayRead();
    });
  }

  // Scrolls the rows only; scrollIntoView would move the whole page.
  reveal() {
    const top = this.place.key * this.rowHeight;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + this.rowHeight > scrollTop + clientHeight)
      this.scroller.scrollTop = top + this.rowHeight - clientHeight;
  }

  // ---- where the pointer is ----------------------------------------------------------------------

  cellAt(event) {
    const box = this.rows.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top + this.scroller.scrollTop];
    const key = Math.floor(y / this.rowHeight);
    if (key < 0 || key >= this.message.keys.length) return null;
    return { key, column: this.columnAt(x) };
  }

  pairAt(event) {
    const box = this.pair.getBoundingClientRect();
    const column = this.columnAt(event.clientX - box.left);
    const below = event.clientY - box.top > this.legendHeight;
    return column === undefined || !below ? null : { key: this.place.key, column };
  }

  columnAt(x) {
    const column = Math.floor((x - this.from) / this.cell);
    return column >= 0 && column < this.message.d_k ? column : undefined;
  }

  headAt(event) {
    const box = this.grid.getBoundingClientRect();
    const { layers, heads } = this.message;
    const head = Math.floor((event.clientX - box.left - this.gridLeft) / this.gridCell);
    const layer = Math.floor((event.clientY - box.top - TITLE) / this.gridRow);
    return head >= 0 && head < heads && layer >= 0 && layer < layers ? { layer, head } : null;
  }

  // ---- the elements ------------------------------------------------------------------------------

  build(parent) {
    this.options = element("div", { className: "options" });
    this.save = Save.buttons(() => this.saved());
    this.pair = element("canvas", { className: "pair", ariaHidden: "true" });
    this.sum = element("p", { className: "sum" });
    this.titles = element("canvas", { className: "titles", ariaHidden: "true" });
    this.rows = element("canvas", { className: "rows", ariaHidden: "true" });
    this.spacer = element("div", { className: "spacer" }, [this.rows]);
    this.scroller = element("div", { className: "scroller", tabIndex: 0, role: "group" }, [this.spacer]);
    this.readout = element("p", { className: "readout" });
    this.gridTitle = element("h4", {});
    this.grid = element("canvas", { className: "grid", tabIndex: 0, role: "img" });
    this.gridHint = element("p", { className: "hint" });
    this.hint = element("p", { className: "hint" });
    this.live = element("p", { className: "unseen live", ariaLive: "polite" });
    this.table = element("table", { className: "unseen" });
    this.root = element("section", { className: "view neuron-view" }, [
      this.options, this.pair, this.sum, this.titles, this.scroller, this.readout, this.hint,
      this.gridTitle, this.grid, this.gridHint, this.live, this.table,
    ]);
    parent.appendChild(this.root);
  }

  buildWords() {
    const { text, save } = this.message;
    this.root.ariaLabel = text.title;
    const group = (name, words, options) => {
      const buttons = Object.entries(options).map(([value, label]) =>
        element("button", {
          type: "button",
          textContent: label,
          value,
          name,
          onclick: () => this.move({ [name]: value }),
        }),
      );
      return element("div", { className: `group ${name}`, ariaLabel: words, role: "group" }, [
        element("span", { className: "caption", textContent: words }),
        element("div", { className: "segments" }, buttons),
      ]);
    };
    this.options.replaceChildren(
      group("order", text.order, { model: text.order_model, pair: text.order_pair, spread: text.order_spread }),
      group("colours", text.colours, { all: text.colours_all, head: text.colours_head }),
      this.save.root,
    );
    this.save.say(save);
    this.scroller.ariaLabel = text.rows;
    this.grid.ariaLabel = text.grid;
    this.hint.textContent = text.hint;
    this.gridHint.textContent = text.grid_hint;
  }
}
