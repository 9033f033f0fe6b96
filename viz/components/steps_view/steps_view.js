// The steps view. All stages of one head arrive once, as float32; next and back, another query or key
// are then drawn here, and only where the student is goes back to Python, for the link.

const TELL_MS = 400; // the link may follow when the hand rests
const LABELS = { width: 88, height: 58, font: 12 };
const CELL = { matrix: [26, 22], row: [84, 30], text: [44, 17] };
const BIG = 6; // from this size on, cells are drawn one by one, with a gap
const TABLE = { rows: 12, columns: 10 };

const views = new WeakMap();

export default function stepsView({ data, parentElement, setStateValue }) {
  const view = views.get(parentElement) ?? new StepsView(parentElement);
  views.set(parentElement, view);
  view.report = (place) => setStateValue("place", place);
  view.receive(unpack(data));
  return () => {
    view.remove();
    views.delete(parentElement);
  };
}

// 4 bytes with the header's length, the header as JSON, and the arrays that it names.
function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const body = bytes.slice(4 + length).buffer;
  const arrays = {};
  let start = 0;
  for (const [name, ...shape] of header.arrays) {
    const size = shape.reduce((product, n) => product * n, 1);
    const [rows, columns] = shape.length === 2 ? shape : [1, size];
    arrays[name] = { values: new Float32Array(body, 4 * start, size), rows, columns };
    start += size;
  }
  return { ...header, arrays };
}

class StepsView {
  constructor(parent) {
    this.place = { stage: 0, query: 0, form: "row" };
    this.revealed = 0;
    this.key = null; // null: the key that gets the largest weight
    this.dimension = 0;
    this.slot = null; // null: where the contexts lie side by side, this head's own dimension
    this.open = false; // the table
    this.build(parent);
    this.listen();
  }

  // ---- the page's side -------------------------------------------------------------------------

  receive(message) {
    const before = this.message;
    this.message = message;
    if (message.turn !== before?.turn) this.place = { ...message.place };
    this.revealed = before ? Math.max(this.revealed, this.place.stage) : this.place.stage;
    this.place.query = Math.min(this.place.query, message.queries.length - 1);
    if (JSON.stringify(before?.keys) !== JSON.stringify(message.keys)) this.key = null;
    if (before?.head !== message.head) this.slot = null;
    this.scales = new Map();
    this.thumbnails = [];
    this.images = new WeakMap();
    if (JSON.stringify(before?.text) !== JSON.stringify(message.text)) this.name();
    this.width = this.root.clientWidth;
    if (this.width) this.draw(); // else the observer does, once there is room
  }

  // While keys or clicks follow each other, only the last place is worth a trip to the server.
  tell() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.report({ ...this.place, turn: this.message.turn }), TELL_MS);
  }

  // ---- what the student does ---------------------------------------------------------------------

  go(change) {
    const next = { ...this.place, ...change };
    next.stage = clamp(next.stage, this.message.stages.length);
    next.query = clamp(next.query, this.message.queries.length);
    if (JSON.stringify(next) === JSON.stringify(this.place)) return;
    if (next.stage !== this.place.stage) this.chosen = this.slot = null;
    this.place = next;
    this.revealed = Math.max(this.revealed, next.stage);
    this.draw();
    this.tell();
  }

  lookAt(key) {
    this.key = clamp(key, this.message.keys.length);
    this.draw();
  }

  press(event) {
    if (!this.message || event.ctrlKey || event.metaKey || event.altKey) return;
    const { stage, query, form } = this.place;
    const keys = {
      ArrowRight: () => this.go({ stage: stage + 1 }),
      ArrowLeft: () => this.go({ stage: stage - 1 }),
      PageDown: () => this.go({ stage: stage + 1 }), // what a presenter's remote control sends
      PageUp: () => this.go({ stage: stage - 1 }),
      Home: () => this.go({ stage: 0 }),
      End: () => this.go({ stage: Infinity }),
      ArrowUp: () => this.go({ query: query - 1 }),
      ArrowDown: () => this.go({ query: query + 1 }),
      KeyM: () => this.go({ form: form === "row" ? "matrix" : "row" }),
      KeyT: () => this.toggleTable(), // the key's place: a Korean keyboard writes other letters
    };
    const shifted = {
      ArrowRight: () => this.lookAt(this.keyNow() + 1),
      ArrowLeft: () => this.lookAt(this.keyNow() - 1),
    };
    const act = event.shiftKey ? shifted[event.key] : (keys[event.key] ?? keys[event.code]);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has hotkeys of its own
    act();
  }

  // A click on a cell chooses its row's or column's word, and its dimension.
  click(picture, cell) {
    const { rowsAre, columnsAre } = picture;
    if (columnsAre === "dimension") this.dimension = cell.column;
    this.slot = columnsAre === "slot" ? cell.column : null;
    if (rowsAre === "key" && picture.matrix.rows > 1) this.key = cell.row;
    if (columnsAre === "key") this.key = cell.column;
    if (rowsAre === "query" && picture.matrix.rows > 1 && cell.row !== this.place.query)
      this.go({ query: cell.row });
    else this.draw();
  }

  toggleTable() {
    this.open = !this.open;
    this.draw();
  }

  listen() {
    this.root.addEventListener("keydown", (event) => this.press(event));
    // A presenter's remote control types into the page, wherever the focus is; never into a box.
    this.anywhere = (event) => {
      const stepping = ["ArrowRight", "ArrowLeft"].includes(event.key) && !event.shiftKey;
      if (event.target === document.body && stepping) this.press(event);
    };
    document.addEventListener("keydown", this.anywhere);
    this.resizer = new ResizeObserver(() => {
      if (!this.message || this.root.clientWidth === this.width) return;
      this.width = this.root.clientWidth;
      this.draw();
    });
    this.resizer.observe(this.root);
  }

  remove() {
    clearTimeout(this.waiting);
    document.removeEventListener("keydown", this.anywhere);
    this.resizer.disconnect();
    this.root.remove();
  }

  // ---- the elements ------------------------------------------------------------------------------

  build(parent) {
    const button = (className, onclick) => element("button", { type: "button", className, onclick });
    this.back = button("back", () => this.go({ stage: this.place.stage - 1 }));
    this.next = button("next", () => this.go({ stage: this.place.stage + 1 }));
    this.count = element("span", { className: "count" });
    this.forms = {
      row: button("form", () => this.go({ form: "row" })),
      matrix: button("form", () => this.go({ form: "matrix" })),
    };
    this.query = this.stepper((step) => this.go({ query: this.place.query + step }));
    this.looked = this.stepper((step) => this.lookAt(this.keyNow() + step));
    this.tableButton = button("toggle", () => this.toggleTable());
    this.rail = element("ol", { className: "rail" });
    this.formula = element("div", { className: "formula" });
    this.origin = element("p", { className: "origin" });
    this.title = element("h4", { ariaLive: "polite" });
    this.sentence = element("p", { className: "sentence" });
    this.pictures = element("div", { className: "pictures" });
    this.multiplied = element("ol", { className: "products" });
    this.numbers = element("p", { className: "numbers" });
    this.table = element("div", { className: "table" });
    this.badge = element("p", { className: "badge" });
    this.hint = element("p", { className: "hint" });
    this.tip = element("div", { className: "tip", hidden: true });
    const segments = element("div", { className: "segments" }, Object.values(this.forms));
    const steps = element("div", { className: "group" }, [this.back, this.count, this.next]);
    const words = element("div", { className: "group" }, [this.query.root, this.looked.root]);
    const bar = element("div", { className: "bar" }, [steps, segments, this.tableButton, words]);
    const stage = element("div", { className: "stage" }, [
      this.title,
      this.sentence,
      this.pictures,
      this.numbers,
      this.multiplied,
      this.badge,
      this.table,
    ]);
    const parts = [bar, this.rail, this.formula, this.origin, stage, this.hint, this.tip];
    this.root = element("section", { className: "steps-view", tabIndex: 0 }, parts);
    parent.appendChild(this.root);
  }

  stepper(step) {
    const button = (sign, by) =>
      element("button", { type: "button", className: "nudge", textContent: sign, onclick: () => step(by) });
    const [caption, word] = [element("span", { className: "caption" }), element("b", { dir: "auto" })];
    const [less, more] = [button("‹", -1), button("›", 1)];
    const root = element("span", { className: "stepper" }, [caption, less, word, more]);
    return { root, caption, word, less, more };
  }

  // Every word that does not change from stage to stage.
  name() {
    const { text, stages } = this.message;
    this.root.ariaLabel = text.title;
    this.back.textContent = `← ${text.back}`;
    this.next.textContent = `${text.next} →`;
    this.forms.row.textContent = text.form_row;
    this.forms.matrix.textContent = text.form_matrix;
    for (const [stepper, name] of [[this.query, text.query], [this.looked, text.key]]) {
      stepper.caption.textContent = name;
      stepper.less.ariaLabel = fill(text.previous, { name });
      stepper.more.ariaLabel = fill(text.following, { name });
    }
    this.tableButton.textContent = text.table;
    this.hint.textContent = text.hint;
    this.cards = stages.map((stage, index) => {
      const canvas = element("canvas", { ariaHidden: "true" });
      const shape = element("span", { className: "shape" });
      const caption = element("span", { className: "step" });
      caption.append(element("i", { textContent: index + 1 }), text[`${stage}_name`]);
      const onclick = () => this.go({ stage: index });
      const card = element("button", { type: "button", className: "card", onclick }, [caption, canvas, shape]);
      return { card, canvas, shape, item: element("li", {}, [card]) };
    });
    this.rail.replaceChildren(...this.cards.map(({ item }) => item));
  }

  // ---- drawing -----------------------------------------------------------------------------------

  draw() {
    const { stages, text, differences, queries, keys, arrays } = this.message;
    const { stage, query, form } = this.place;
    this.readTheme();
    this.count.textContent = fill(text.count, { step: stage + 1, steps: stages.length });
    this.back.disabled = stage === 0;
    this.next.disabled = stage === stages.length - 1;
    for (const [name, button] of Object.entries(this.forms)) pressed(button, name === form);
    pressed(this.tableButton, this.open);
    this.query.word.textContent = queries[query];
    this.looked.word.textContent = keys[this.keyNow()];
    this.root.dataset.stage = stages[stage];
    this.drawRail();
    this.formula.innerHTML = formulas(this.message, form, stage);
    this.origin.textContent = text.origin;
    this.title.textContent = `${stage + 1} · ${text[`${stages[stage]}_title`]}`;
    this.sentence.textContent = text[`${stages[stage]}_says`];
    this.tip.hidden = true;
    this.drawPictures();
    this.numbers.innerHTML = this.inNumbers();
    this.drawProducts();
    const difference = arrays.differences.values[stage];
    this.badge.textContent = difference === 0 ? text.same : fill(text.difference, { number: brief(difference) });
    this.table.hidden = !this.open;
    if (this.open) this.drawTable();
  }

  readTheme() {
    const style = getComputedStyle(this.root);
    this.ink = style.color;
    this.grey = rgb(this.ink);
    this.font = style.fontFamily;
    const dark = luminance(style.getPropertyValue("--st-background-color").trim() || "#ffffff") < 0.2;
    if (dark !== this.dark) this.images = new WeakMap();
    this.dark = dark;
    this.plus = this.dark ? [45, 190, 174] : [13, 148, 136];
    this.minus = this.dark ? [245, 138, 60] : [208, 90, 0];
  }

  drawRail() {
    const { stage, form } = this.place;
    const results = ["x", "q", "scores", "scaled", "masked", "weights", "weighted", "context", "concat", "out"];
    this.cards.forEach(({ card, canvas, shape }, index) => {
      const shown = index <= this.revealed;
      const matrix = this.matrix(results[index]);
      const drawn = shown && `${this.dark} ${index === 6 ? this.place.query : ""}`;
      card.classList.toggle("hidden", !shown);
      if (index === stage) card.setAttribute("aria-current", "step");
      else card.removeAttribute("aria-current");
      const rows = form === "row" && matrix.of === "query" ? 1 : matrix.rows;
      shape.textContent = shown ? `${rows} × ${matrix.columns}` : " ";
      if (!shown || this.thumbnails[index] === drawn) return;
      this.thumbnails[index] = drawn; // thumbnails stay until the numbers or the colours change
      this.paint(sized(canvas, 92, 40), matrix, { left: 0, top: 0, width: 92, height: 40 });
    });
    const card = this.cards[stage].item;
    const { offsetLeft, offsetWidth } = card;
    const { scrollLeft, clientWidth } = this.rail;
    if (offsetLeft < scrollLeft || offsetLeft + offsetWidth > scrollLeft + clientWidth)
      this.rail.scrollLeft = offsetLeft - clientWidth / 2 + offsetWidth / 2;
  }

  drawPictures() {
    this.drawn = [];
    const lines = this.equations().map((line) => this.line(line));
    this.pictures.replaceChildren(...lines);
    const results = this.drawn.filter((picture) => picture.result);
    this.chosen = this.drawn.find(({ name }) => name === this.chosen?.name) ?? results.at(-1);
  }

  // One equation: pictures with signs between them, as wide as the page allows.
  line(parts) {
    const pictures = parts.filter((part) => part.matrix);
    const row = this.place.form === "row";
    const narrow = this.width < 700;
    const signWidth = ({ sign }) => 34 + (sign.length > 2 ? 50 : 0) + (sign.length > 6 ? 50 : 0);
    const begins = parts[0].matrix ? 0 : 60; // a line that begins with its sign keeps room for it
    const between = parts.filter((part) => !part.matrix).reduce((sum, part) => sum + signWidth(part), 0);
    const signs = begins + between + 12 * pictures.length;
    const gutters = pictures.filter((picture) => picture.labels).length * (LABELS.width + 24);
    const share = (picture) => Math.sqrt(Math.min(picture.matrix.columns, 160) + 6);
    const total = pictures.reduce((sum, picture) => sum + share(picture), 0);
    const room = narrow ? this.width - 90 : Math.max(200, this.width - signs - gutters - 8);
    const tall = this.place.stage === 1 ? 132 : 264;
    const drawn = parts.map((part) => {
      if (!part.matrix) return element("span", { className: "sign", innerHTML: part.sign });
      const one = part.matrix.rows === 1;
      const words = (row && one && part.columnsAre === "key") || part.matrix.columns === 1;
      const [mostWide, mostHigh] = CELL[words ? "row" : "matrix"];
      const width = narrow ? room : (room * share(part)) / total;
      const cell = {
        width: Math.min(width / part.matrix.columns, mostWide),
        height: Math.min(tall / part.matrix.rows, one ? CELL.row[1] : mostHigh),
      };
      return this.figure({ ...part, cell });
    });
    return element("div", { className: `equation ${row ? "single" : ""}` }, drawn);
  }

  figure(picture) {
    const { matrix, cell, symbol, labels, name } = picture;
    const { text } = this.message;
    const size = { width: matrix.columns * cell.width, height: matrix.rows * cell.height };
    const words = (axis) => labels && ["query", "key"].includes(picture[`${axis}Are`]);
    const left = words("rows") ? (this.width < 700 ? 60 : LABELS.width) : 0;
    const slots = labels && picture.columnsAre === "slot";
    const wide = slots || cell.width >= CELL.text[0];
    const top = slots || words("columns") ? (wide ? 18 : cell.width >= 11 ? LABELS.height : 16) : 0;
    Object.assign(picture, { left, top, size });
    const canvas = element("canvas", { role: "img", tabIndex: -1 });
    canvas.ariaLabel = `${picture.plain}: ${matrix.rows} × ${matrix.columns}`;
    canvas.dataset.name = name;
    const ctx = sized(canvas, left + size.width + (top && !wide ? 24 : 1), top + size.height + 1);
    this.paint(ctx, matrix, { left, top, ...size });
    this.frame(ctx, picture);
    if (left) this.rowLabels(ctx, picture);
    if (slots) this.headLabels(ctx, picture);
    else if (top) this.columnLabels(ctx, picture, wide);
    this.cellNumbers(ctx, picture);
    const range = matrix.share ? text.range_share : fill(text.range, { most: this.scale(matrix) });
    const caption = element("figcaption", {}, [
      element("span", { className: "symbol", innerHTML: symbol }),
      element("span", { className: "shape", textContent: `${matrix.rows} × ${matrix.columns}` }),
    ]);
    const note = element("span", { className: "range", textContent: range });
    canvas.onpointermove = (event) => this.point(event, picture, canvas);
    canvas.onpointerleave = () => (this.tip.hidden = true);
    canvas.onclick = (event) => {
      const found = at(event, picture, canvas);
      this.chosen = picture;
      if (found) this.click(picture, found);
    };
    this.drawn.push(picture);
    return element("figure", { className: picture.lit ? "lit" : "" }, [caption, canvas, note]);
  }

  point(event, picture, canvas) {
    const found = at(event, picture, canvas);
    this.tip.hidden = !found;
    if (!found) return;
    this.tip.textContent = this.reading(picture, found.row, found.column);
    const box = this.root.getBoundingClientRect();
    const beside = event.clientX - box.left + 14;
    const most = this.width - this.tip.offsetWidth - 4;
    this.tip.style.left = `${Math.max(0, Math.min(beside, most))}px`;
    this.tip.style.top = `${event.clientY - box.top + 18}px`;
  }

  // What a cell says, on hover: where it is, and the number that the table shows, too.
  reading(picture, row, column) {
    const names = [this.label(picture.rowsAre, row, picture), this.label(picture.columnsAre, column, picture)];
    const where = names.filter(Boolean).join(" · ");
    return `${picture.plain} [${where}]  ${this.value(picture.matrix, row, column)}`;
  }

  value(matrix, row, column) {
    const value = matrix.values[row * matrix.columns + column];
    return value === -Infinity ? `−∞ (${this.message.text.masked})` : number(value);
  }

  label(axis, index, picture) {
    const { queries, keys, text } = this.message;
    if (axis === "query") return queries[picture.matrix.rows === 1 ? this.place.query : index];
    if (axis === "key") return keys[picture.single === "key" ? this.keyNow() : index];
    if (axis === "dimension") return String(index + 1);
    if (axis === "slot") {
      const size = this.message.arrays.v.columns;
      return fill(text.slot, { head: Math.floor(index / size) + 1, dimension: (index % size) + 1 });
    }
    return "";
  }

  // ---- painting ----------------------------------------------------------------------------------

  // The colour scale of a matrix is that of the whole matrix, also where only one row of it is shown.
  scale(matrix) {
    if (matrix.share) return 1;
    const whole = matrix.whole ?? matrix;
    if (!this.scales.has(whole.values)) {
      let most = 0;
      for (const value of whole.values) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value));
      this.scales.set(whole.values, roundUp(most));
    }
    return this.scales.get(whole.values);
  }

  colour(value, most) {
    if (value === -Infinity) return [...this.grey, 40];
    const [r, g, b] = value < 0 ? this.minus : this.plus;
    return [r, g, b, Math.round(255 * Math.min(1, Math.abs(value) / most))];
  }

  paint(ctx, matrix, { left, top, width, height }) {
    const { rows, columns, values } = matrix;
    const most = this.scale(matrix) || 1;
    const [w, h] = [width / columns, height / rows];
    if (w >= BIG && h >= BIG) {
      ctx.fillStyle = this.ink;
      ctx.globalAlpha = 0.05; // where there is a cell, also where it is zero
      ctx.fillRect(left, top, width, height);
      ctx.globalAlpha = 1;
      for (let i = 0; i < values.length; i++) {
        const [x, y] = [left + (i % columns) * w, top + Math.floor(i / columns) * h];
        const [r, g, b, a] = this.colour(values[i], most);
        ctx.fillStyle = `rgba(${r},${g},${b},${a / 255})`;
        ctx.fillRect(x + 0.5, y + 0.5, w - 1, h - 1);
        if (values[i] === -Infinity) this.hatch(ctx, x, y, w, h);
      }
      return;
    }
    const small = this.image(matrix, most);
    ctx.imageSmoothingEnabled = w < 1 || h < 1;
    ctx.drawImage(small, left, top, width, height);
    ctx.strokeStyle = this.ink;
    ctx.globalAlpha = 0.15;
    ctx.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
    ctx.globalAlpha = 1;
  }

  // A pixel a cell, made once for numbers that stay: large squares are what costs time.
  image({ values, rows, columns }, most) {
    if (this.images.has(values)) return this.images.get(values);
    const pixels = new ImageData(columns, rows);
    for (let i = 0; i < values.length; i++) pixels.data.set(this.colour(values[i], most), 4 * i);
    const small = element("canvas", { width: columns, height: rows });
    small.getContext("2d").putImageData(pixels, 0, 0);
    this.images.set(values, small);
    return small;
  }

  hatch(ctx, x, y, w, h) {
    ctx.strokeStyle = this.ink;
    ctx.globalAlpha = 0.45;
    ctx.beginPath();
    ctx.moveTo(x + 2, y + h - 2);
    ctx.lineTo(x + Math.min(w, h) - 2, y + h - Math.min(w, h) + 2);
    ctx.stroke();
    ctx.globalAlpha = 1;
  }

  // The chosen query's row and the chosen key's row or column, and this head's part.
  frame(ctx, picture) {
    const { matrix, left, top, size, cell } = picture;
    const row = picture.rowsAre === "query" ? this.place.query : picture.rowsAre === "key" ? this.keyNow() : null;
    ctx.lineWidth = 2;
    ctx.strokeStyle = this.ink;
    const box = (x, y, w, h) => ctx.strokeRect(left + x, top + y, w, h);
    if (row !== null && matrix.rows > 1)
      box(0, row * cell.height - 0.5, size.width, Math.max(2, cell.height) + 1);
    ctx.setLineDash([4, 3]);
    if (picture.columnsAre === "key" && matrix.columns > 1)
      box(this.keyNow() * cell.width, 0, Math.max(2, cell.width), size.height);
    ctx.setLineDash([]);
    if (picture.columnsAre === "slot") {
      const part = size.width / this.message.heads;
      box(this.message.head * part, 0, part, size.height);
    }
    ctx.lineWidth = 1;
  }

  rowLabels(ctx, picture) {
    const { matrix, left, top, cell } = picture;
    const every = Math.max(1, Math.ceil(12 / cell.height));
    const mine = picture.rowsAre === "query" ? this.place.query : this.keyNow();
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    for (let row = 0; row < matrix.rows; row++) {
      const chosen = matrix.rows === 1 || row === mine;
      if (!chosen && (row % every || Math.abs(row - mine) < every)) continue;
      const y = Math.max(top + (row + 0.5) * cell.height, LABELS.font / 2);
      this.word(ctx, this.label(picture.rowsAre, row, picture), left - 6, y, left - 8, chosen);
    }
  }

  columnLabels(ctx, picture, wide) {
    const { matrix, left, top, cell } = picture;
    const every = Math.max(1, Math.ceil(12 / cell.width));
    const mine = this.keyNow();
    for (let column = 0; column < matrix.columns; column++) {
      const chosen = column === mine;
      if (!wide && cell.width < 11 && !chosen) continue;
      if (!chosen && column % every) continue;
      const words = this.label("key", column, {});
      const x = left + (column + 0.5) * cell.width;
      ctx.save();
      ctx.translate(x, top - 5);
      ctx.textBaseline = wide ? "alphabetic" : "middle";
      ctx.textAlign = wide || cell.width < 11 ? "center" : "left";
      if (!wide && cell.width >= 11) ctx.rotate(-0.9);
      this.word(ctx, words, 0, 0, wide ? cell.width - 4 : LABELS.height, chosen);
      ctx.restore();
    }
  }

  headLabels(ctx, { left, top, size }) {
    const { heads, head, text } = this.message;
    const part = size.width / heads;
    ctx.textAlign = "center";
    ctx.textBaseline = "alphabetic";
    for (const index of range(heads)) {
      const name = fill(text.head, { head: index + 1 });
      this.word(ctx, name, left + (index + 0.5) * part, top - 5, part - 2, index === head);
    }
  }

  word(ctx, words, x, y, most, chosen) {
    ctx.font = `${chosen ? 700 : 400} ${LABELS.font}px ${this.font}`;
    ctx.fillStyle = this.ink;
    let shown = words;
    while (shown.length > 1 && ctx.measureText(shown).width > most) shown = `${shown.slice(0, -2)}…`;
    ctx.fillText(shown, x, y);
  }

  cellNumbers(ctx, picture) {
    const { matrix, left, top, cell } = picture;
    if (cell.width < CELL.text[0] || cell.height < CELL.text[1]) return;
    ctx.font = `600 12px ${this.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    const most = this.scale(matrix) || 1;
    matrix.values.forEach((value, i) => {
      const strong = Math.abs(value) / most > 0.6 && value !== -Infinity;
      ctx.fillStyle = strong ? (this.dark ? "#08110f" : "#ffffff") : this.ink;
      const x = left + ((i % matrix.columns) + 0.5) * cell.width;
      if (ctx.measureText(number(value)).width > cell.width - 4) return; // then it is read by pointing
      ctx.fillText(number(value), x, top + (Math.floor(i / matrix.columns) + 0.5) * cell.height + 0.5);
    });
  }

  // ---- the calculation ---------------------------------------------------------------------------

  keyNow() {
    if (this.key !== null) return this.key;
    const { values, columns } = this.message.arrays.weights;
    const row = values.subarray(this.place.query * columns, (this.place.query + 1) * columns);
    return row.indexOf(Math.max(...row));
  }

  // Every matrix by its name; `of` says what its rows are, `share` that it lies between 0 and 1.
  matrix(name) {
    const { arrays, cross } = this.message;
    const of = { k: "key", v: "key", memory: "key", weighted: "key" }[name];
    if (name === "weighted") return { ...this.weighted(), of };
    if (name === "memory" && !cross) return { ...arrays.x, of };
    const whole = arrays[name];
    const fixed = /^[wb]_/.test(name);
    return { ...whole, of: of ?? (fixed ? null : "query"), share: ["weights", "exp"].includes(name) };
  }

  row(name) {
    const whole = this.matrix(name);
    const index = whole.of === "key" ? this.keyNow() : this.place.query;
    const values = whole.values.subarray(index * whole.columns, (index + 1) * whole.columns);
    return { ...whole, values, rows: 1, whole };
  }

  // The product of two float32 numbers, rounded as float32 rounds it: what the model's device does.
  weighted() {
    const { v, weights } = this.message.arrays;
    const values = v.values.map((value, i) => {
      const key = Math.floor(i / v.columns);
      return value * weights.values[this.place.query * weights.columns + key];
    });
    return { values, rows: v.rows, columns: v.columns, whole: v };
  }

  products() {
    const [q, k] = [this.row("q"), this.row("k")];
    return { values: q.values.map((value, d) => value * k.values[d]), rows: 1, columns: q.columns };
  }

  transposed(matrix) {
    const { rows, columns } = matrix;
    const values = new Float32Array(rows * columns);
    for (let i = 0; i < values.length; i++) values[(i % columns) * rows + Math.floor(i / columns)] = matrix.values[i];
    return { ...matrix, values, rows: columns, columns: rows, whole: matrix };
  }

  // ---- the equations: pictures and the signs between them ------------------------------------------

  // A matrix or, in the single-query form, the chosen row of it.
  part(name, more = {}) {
    const row = this.place.form === "row";
    const matrix = row ? this.row(name) : this.matrix(name);
    return this.titled(name, { matrix, rowsAre: matrix.of, single: row ? matrix.of : null, row, ...more });
  }

  whole(name, more = {}) {
    const matrix = this.matrix(name);
    return this.titled(name, { matrix, rowsAre: matrix.of, row: false, ...more });
  }

  titled(name, { row, ...more }) {
    const columnsAre = SQUARES.includes(name) ? "key" : name === "concat" ? "slot" : "dimension";
    const { text, cross } = this.message;
    const written = text[`of_${name}`] ?? math(symbol(name, row, cross));
    return { name, columnsAre, plain: this.plain(name), symbol: written, ...more };
  }

  plain(name) {
    return this.message.text[`of_${name}`] ?? PLAIN[name];
  }

  equations() {
    return this[`${this.message.stages[this.place.stage]}Lines`]();
  }

  // Rows over words are wide: in the single-query form each stands on a line of its own.
  stacked(first, ...rest) {
    if (this.place.form !== "row") return [[first, ...rest]];
    const lines = [[sign(""), first]];
    for (let i = 0; i < rest.length; i += 2) lines.push([rest[i], rest[i + 1]]);
    return lines;
  }

  inputLines() {
    const { arrays, pre, cross } = this.message;
    const sum = arrays.word ? [this.part("word", LABELLED), sign("+"), this.part("position"), sign("=")] : [];
    const labels = !arrays.word;
    const x = pre
      ? [this.part("before", { labels }), sign("LayerNorm →"), this.part("x", RESULT)]
      : [this.part("x", { ...RESULT, labels })];
    return cross ? [[...sum, ...x], [this.part("memory", LABELLED)]] : [[...sum, ...x]];
  }

  projectLines() {
    const line = (rows, name) => [
      this.part(rows, LABELLED), sign("·"), this.whole(`w_${name}`), sign("+"), this.whole(`b_${name}`), sign("="),
      this.part(name, RESULT),
    ];
    return [line("x", "q"), line("memory", "k"), line("memory", "v")];
  }

  scoresLines() {
    const result = this.part("scores", { ...RESULT, labels: true });
    if (this.place.form === "matrix") {
      const columns = this.titled("k_t", {
        matrix: this.transposed(this.matrix("k")), rowsAre: "dimension", columnsAre: "key", labels: true,
      });
      return [[this.part("q", LABELLED), sign("·"), columns, sign("="), result]];
    }
    const products = this.titled("products", { matrix: this.products(), rowsAre: null, lit: true });
    const [q, k] = [this.part("q", LABELLED), this.part("k", LABELLED)];
    return [[q, sign("×"), k, sign("="), products], [result]];
  }

  scaleLines() {
    const root = sign("÷ √d<sub>k</sub> =");
    return this.stacked(this.part("scores", LABELLED), root, this.part("scaled", { ...RESULT, labels: true }));
  }

  maskLines() {
    return this.stacked(this.part("scaled", LABELLED), sign("→"), this.part("masked", { ...RESULT, labels: true }));
  }

  softmaxLines() {
    const exp = this.part("exp", { labels: this.place.form === "row" });
    const weights = this.part("weights", { ...RESULT, labels: true });
    const masked = this.part("masked", LABELLED);
    if (this.place.form === "row") return this.stacked(masked, sign("exp →"), exp, sign("÷ Σ ="), weights);
    const total = this.titled("total", { matrix: this.transposed(this.message.arrays.total), rowsAre: "query" });
    return [[masked, sign("exp →"), exp, sign("÷"), total, sign("="), weights]];
  }

  weighLines() {
    const down = { ...this.transposed(this.row("weights")), share: true };
    const weights = this.titled("weights", { matrix: down, rowsAre: "key", columnsAre: null, labels: true, row: true });
    return [[weights, sign("×"), this.whole("v"), sign("="), this.whole("weighted", RESULT)]];
  }

  contextLines() {
    const context = this.part("context", { ...RESULT, labels: true });
    if (this.place.form === "row") return this.stacked(this.whole("weighted", LABELLED), sign("Σ ↓ ="), context);
    const [weights, values] = [this.part("weights", LABELLED), this.whole("v", LABELLED)];
    return [[weights, sign("·"), values, sign("="), context]];
  }

  concatLines() {
    return [[this.part("concat", { ...RESULT, labels: true })]];
  }

  outputLines() {
    const labels = this.place.form === "row";
    return [[
      this.part("concat", LABELLED), sign("·"), this.whole("w_o"), sign("+"), this.whole("b_o"), sign("="),
      this.part("out", { ...RESULT, labels }),
    ]];
  }

  // ---- the same numbers, written out -------------------------------------------------------------

  // The chosen cell's calculation in one line, with its real numbers.
  inNumbers() {
    const { stages, arrays, queries, keys, text, pre } = this.message;
    const { query } = this.place;
    const key = this.keyNow();
    const read = (name, row, column) => {
      const { values, columns } = arrays[name];
      return values[row * columns + Math.min(column, columns - 1)];
    };
    const plain = (name, row, column) => number(read(name, row, column));
    const at = (name, row, column) => bracket(plain(name, row, column));
    const pair = (name) => at(name, query, key);
    const last = arrays[["x", "q", "q", "q", "q", "q", "v", "context", "v", "out"][this.place.stage]].columns - 1;
    const d = Math.min(this.dimension, last);
    const slot = this.slot ?? this.message.head * arrays.v.columns + d;
    const index = `<sub>${d + 1}</sub>`;
    const from = `<b>${escaped(queries[query])}</b>`;
    const to = `${from} → <b>${escaped(keys[key])}</b>`;
    const root = number(Math.sqrt(arrays.q.columns));
    const list = (products) =>
      products.length < 4 ? products.join(" + ") : `${products[0]} + ${products[1]} + … + ${products.at(-1)}`;
    const answer = (value) => `<em>${value}</em>`;
    const x = pre
      ? `${at("before", query, d)} &nbsp;LayerNorm →&nbsp; ${answer(`x${index} = ${plain("x", query, d)}`)}`
      : answer(`x${index} = ${plain("x", query, d)}`);
    const sum = (count) => fill(text.sum_of, { count });
    const lines = {
      input: () =>
        arrays.word ? `${from}: ${at("word", query, d)} + ${at("position", query, d)} = ${x}` : `${from}: ${x}`,
      project: () =>
        `${from}: q${index} = ${sum(arrays.x.columns)} + ${at("b_q", 0, d)} = ${answer(plain("q", query, d))}`,
      scores: () => {
        const products = [...arrays.q.values.subarray(query * arrays.q.columns, (query + 1) * arrays.q.columns)];
        const terms = products.map((_, i) => `${at("q", query, i)}×${at("k", key, i)}`);
        return `${to}: q · k = ${list(terms)} = ${answer(plain("scores", query, key))}`;
      },
      scale: () =>
        `${to}: ${pair("scores")} ÷ √${arrays.q.columns} = ` +
        `${pair("scores")} ÷ ${root} = ${answer(plain("scaled", query, key))}`,
      mask: () =>
        read("masked", query, key) === -Infinity
          ? `${to}: ${pair("scaled")} → ${answer("−∞")} &nbsp;${escaped(text.masked)}`
          : `${to}: ${pair("scaled")} → ${answer(plain("masked", query, key))} &nbsp;${escaped(text.open)}`,
      softmax: () =>
        `${to}: e<sup>${pair("masked")} − ${at("top", 0, query)}</sup> = ${pair("exp")}, &nbsp;` +
        `${pair("exp")} ÷ ${divisor(read("exp", query, key), read("total", 0, query))} = ` +
        answer(plain("weights", query, key)),
      weigh: () => {
        const product = number(this.weighted().values[key * arrays.v.columns + d]);
        return `${to}: ${pair("weights")} × v${index} = ${pair("weights")} × ${at("v", key, d)} = ${answer(product)}`;
      },
      context: () => {
        const share = (j) => read("weights", query, j);
        const heaviest = range(keys.length).sort((i, j) => share(j) - share(i));
        const terms = heaviest.map((j) => `${at("weights", query, j)}×${at("v", j, d)}`);
        return `${from}: z${index} = ${list(terms)} = ${answer(plain("context", query, d))}`;
      },
      concat: () => `${from}: ${escaped(this.label("slot", slot))} = ${answer(plain("concat", query, slot))}`,
      output: () =>
        `${from}: Out${index} = ${sum(arrays.w_o.rows)} + ${at("b_o", 0, d)} = ${answer(plain("out", query, d))}`,
    };
    return lines[stages[this.place.stage]]();
  }

  // One score, multiplication by multiplication.
  drawProducts() {
    const following = this.message.stages[this.place.stage] === "scores" && this.place.form === "row";
    this.multiplied.hidden = !following;
    if (!following) return;
    const [q, k, products] = [this.row("q").values, this.row("k").values, this.products().values];
    const sums = running({ values: products }).values;
    const items = [...products].map((product, d) => {
      const item = element("li", { title: `${this.message.text.running}: ${number(sums[d])}` });
      item.append(`${number(q[d])} × ${bracket(number(k[d]))} = `, element("b", { textContent: number(product) }));
      return item;
    });
    const { weights, scores } = this.message.arrays;
    const score = scores.values[this.place.query * weights.columns + this.keyNow()];
    const sum = element("li", { className: "sum" });
    sum.append("Σ = ", element("b", { textContent: number(score) }));
    this.multiplied.replaceChildren(...items, sum);
  }

  drawTable() {
    const { caption, head, rows, moves } = this.place.form === "row" ? this.rowTable() : this.matrixTable();
    const line = (tag, cells) => element("tr", {}, cells.map((cell) => element(tag, { textContent: cell })));
    const body = rows.map(([name, ...cells]) => {
      const row = line("td", cells);
      row.prepend(element("th", { textContent: name, scope: "row" }));
      return row;
    });
    const titled = element("caption", { textContent: caption });
    const table = element("table", {}, [titled, line("th", head), ...body]);
    this.table.replaceChildren(...(moves ?? []), element("div", { className: "scroller" }, [table]));
  }

  // The single-query form: what one row went through, a line for each key or dimension.
  rowTable() {
    const { text, stages, arrays, queries, keys, pre } = this.message;
    const stage = stages[this.place.stage];
    const d = Math.min(this.dimension, arrays.v.columns - 1);
    const column = ({ values, rows, columns }) =>
      ({ rows, columns: 1, values: values.filter((_, i) => i % columns === d) });
    const across = (name) => [this.plain(name), this.row(name)];
    const down = (name, matrix) => [`${name}${subscript(d + 1)}`, column(matrix)];
    const columns = {
      input: () => [...(arrays.word ? ["word", "position"] : []), ...(pre ? ["before"] : []), "x"].map(across),
      project: () => ["q", "k", "v"].map(across),
      scores: () => [across("q"), across("k"), ["q × k", this.products()], [text.running, running(this.products())]],
      scale: () => ["scores", "scaled"].map(across),
      mask: () => ["scaled", "masked"].map(across),
      softmax: () => ["masked", "exp", "weights"].map(across),
      weigh: () => [across("weights"), down("v", arrays.v), down("a × v", this.weighted())],
      context: () => [across("context")],
      concat: () => [across("concat")],
      output: () => [["b", this.matrix("b_o")], across("out")],
    }[stage]();
    const ofKeys = ["scale", "mask", "softmax", "weigh"].includes(stage);
    const length = Math.max(...columns.map(([, { values }]) => values.length));
    const names = ofKeys ? keys : range(length).map((i) => this.label(stage === "concat" ? "slot" : "dimension", i));
    const cell = ({ values }, i) => (i < values.length ? this.value({ values, columns: 1 }, i, 0) : "");
    const rows = names.map((name, i) => [name, ...columns.map(([, matrix]) => cell(matrix, i))]);
    const caption = `${this.place.stage + 1} · ${text[`${stage}_title`]} · ${queries[this.place.query]}`;
    return { caption, head: [ofKeys ? text.key : text.dimension, ...columns.map(([name]) => name)], rows };
  }

  // The matrix form: a window of the chosen picture's matrix, moved by its buttons.
  matrixTable() {
    const { text } = this.message;
    const picture = this.chosen;
    const { matrix, rowsAre, columnsAre } = picture;
    if (this.window?.name !== picture.name) this.window = { name: picture.name, ...this.around(picture) };
    const fit = (start, size, count) => Math.max(0, Math.min(start, count - size));
    const row = (this.window.row = fit(this.window.row, TABLE.rows, matrix.rows));
    const column = (this.window.column = fit(this.window.column, TABLE.columns, matrix.columns));
    const rows = range(Math.min(TABLE.rows, matrix.rows)).map((i) => i + row);
    const columns = range(Math.min(TABLE.columns, matrix.columns)).map((i) => i + column);
    const move = (sign, change, more) =>
      element("button", {
        type: "button", className: "nudge", textContent: sign, disabled: !more, ariaLabel: text[change.says],
        onclick: () => {
          Object.assign(this.window, change.to);
          this.drawTable();
        },
      });
    const moves = element("div", { className: "moves" }, [
      move("↑", { says: "rows_before", to: { row: row - TABLE.rows } }, row > 0),
      move("↓", { says: "rows_after", to: { row: row + TABLE.rows } }, row + TABLE.rows < matrix.rows),
      move("←", { says: "columns_before", to: { column: column - TABLE.columns } }, column > 0),
      move(
        "→",
        { says: "columns_after", to: { column: column + TABLE.columns } },
        column + TABLE.columns < matrix.columns,
      ),
    ]);
    const shown = (list, count) => `${list[0] + 1}–${list.at(-1) + 1} / ${count}`;
    const seen = { rows: shown(rows, matrix.rows), columns: shown(columns, matrix.columns) };
    const name = (axis, i) => (axis ? this.label(axis, i, picture) : String(i + 1));
    return {
      caption: `${picture.plain} · ${fill(text.window, seen)}`,
      head: ["", ...columns.map((j) => name(columnsAre, j))],
      rows: rows.map((i) => [name(rowsAre, i), ...columns.map((j) => this.value(matrix, i, j))]),
      moves: [moves],
    };
  }

  around({ rowsAre, columnsAre }) {
    const row = rowsAre === "query" ? this.place.query : rowsAre === "key" ? this.keyNow() : 0;
    const column = columnsAre === "key" ? this.keyNow() : 0;
    return { row: row - TABLE.rows / 2, column: column - TABLE.columns / 2 };
  }
}

// ---- formulas ----------------------------------------------------------------------------------------

const SQUARES = ["scores", "scaled", "masked", "exp", "weights"];
const LABELLED = { labels: true };
const RESULT = { result: true, lit: true };
const PLAIN = {
  x: "x", memory: "h", q: "q", k: "k", v: "v", k_t: "Kᵀ", products: "q × k",
  w_q: "W^Q", w_k: "W^K", w_v: "W^V", w_o: "W^O", b_q: "b^Q", b_k: "b^K", b_v: "b^V", b_o: "b^O",
  scores: "q · k", scaled: "q · k ÷ √dₖ", exp: "exp", total: "Σ", weights: "a",
  weighted: "a × v", context: "z", out: "out",
};

const mi = (name) => `<mi>${name}</mi>`;
const mn = (value) => `<mn>${value}</mn>`;
const mo = (text) => {
  const [before, behind] = ["=+", "=+,"].map((spaced) => (spaced.includes(text) ? 0.25 : 0));
  return `<mo lspace="${before}em" rspace="${behind}em">${text}</mo>`;
};
const say = (text) => `<mtext>${text}</mtext>`;
const mrow = (...inner) => `<mrow>${inner.join("")}</mrow>`;
const sup = (base, raised) => `<msup>${base}${raised}</msup>`;
const sub = (base, lowered) => `<msub>${base}${lowered}</msub>`;
const math = (inner) => `<math><mrow>${inner}</mrow></math>`;
const rootDk = `<msqrt>${sub(mi("d"), mi("k"))}</msqrt>`;
const fraction = (over, under) => `<mfrac>${over}${under}</mfrac>`;
const sign = (text) => ({ sign: text });

// A matrix's symbol as the paper writes it: a capital for the whole, a small letter for one row of it.
function symbol(name, single, cross) {
  const of = (letter, index) => (single ? sub(mi(letter.toLowerCase()), mi(index)) : mi(letter));
  const scores = single ? mrow(sub(mi("q"), mi("i")), sup(mi("K"), mi("T"))) : mrow(mi("Q"), sup(mi("K"), mi("T")));
  const [letter, operand] = name.split("_");
  if (operand === "t") return sup(mi("K"), mi("T"));
  if (operand) return sup(mi(letter === "w" ? "W" : "b"), mi(operand.toUpperCase()));
  const symbols = {
    x: () => of("X", "i"),
    memory: () => (cross ? (single ? sub(mi("h"), mi("j")) : sub(mi("H"), say("enc"))) : of("X", "j")),
    q: () => of("Q", "i"),
    k: () => of("K", "j"),
    v: () => of("V", "j"),
    products: () => mrow(sub(mi("q"), mi("i")), mo("⊙"), sub(mi("k"), mi("j"))),
    scores: () => scores,
    scaled: () => fraction(scores, rootDk),
    exp: () => sup(mi("e"), mrow(mi("s"), mo("−"), say("max"))),
    total: () => mo("Σ"),
    weights: () => of("A", "i"),
    weighted: () => mrow(sub(mi("a"), mrow(mi("i"), mi("j"))), sub(mi("v"), mi("j"))),
    context: () => of("Z", "i"),
    concat: () => say("Concat"),
    out: () => say("Out"),
  };
  return symbols[name]();
}

// The whole of multi-head attention, the present stage's operand lit; what comes later is pale.
function formulas({ cross, stages, heads: count }, form, stage) {
  const single = form === "row";
  // Of one query, i stands below; so the head's number goes above.
  const row = (h) => `<msubsup>${mi("z")}${mi("i")}${mrow(mo("("), mn(h), mo(")"))}</msubsup>`;
  const head = (h) => (single ? row(h) : sub(mi("Z"), mn(h)));
  const at = (name, inner) => {
    const index = stages.indexOf(name);
    const when = index === stage ? "lit" : index > stage ? "later" : "";
    return `<mrow class="${when}">${inner}</mrow>`;
  };
  const of = (name) => symbol(name, single, cross);
  const projected = (rows, name) =>
    math(
      at("project", mrow(of(name), mo("="))) +
        at("input", of(rows)) +
        at("project", mrow(symbol(`w_${name}`), mo("+"), symbol(`b_${name}`))),
    );
  const scores = at("scores", of("scores"));
  const scaled = `<mfrac>${scores}${at("scale", rootDk)}</mfrac>`;
  const masked = mrow(at("mask", mrow(say("mask"), mo("("))), scaled, at("mask", mo(")")));
  const softmax = mrow(at("softmax", mrow(say("softmax"), mo("("))), masked, at("softmax", mo(")")));
  const context = mrow(at("context", mrow(of("context"), mo("="))), softmax, at("weigh", mi("V")));
  const all = mrow(head(1), mo(","), mo("…"), mo(","), head(count));
  const heads = at("concat", mrow(say("Concat"), mo("("), all, mo(")")));
  const output = at("output", mrow(symbol("w_o"), mo("+"), symbol("b_o")));
  const out = mrow(at("output", mrow(say("Out&nbsp;"), mo("="))), heads, output);
  return [projected("x", "q"), projected("memory", "k"), projected("memory", "v"), math(context), math(out)].join("");
}

// ---- small things ------------------------------------------------------------------------------------

// Four significant digits, everywhere: on hover, in the picture, in the line and in the table.
function number(value) {
  return digits(value, 4);
}

function brief(value) {
  return digits(value, 2);
}

function digits(value, count) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return value.toPrecision(count).replace("-", "−");
  const [most, exponent] = value.toExponential(count - 1).split("e");
  return `${most.replace("-", "−")}×10${raised(Number(exponent))}`;
}

// With as many digits as the quotient of the written numbers needs to be true: not "1.000 ÷ 1.000 = 0.9998".
function divisor(dividend, value) {
  const over = Number(dividend.toPrecision(4));
  const counts = [4, 5, 6];
  const found = counts.find((count) => number(over / Number(value.toPrecision(count))) === number(dividend / value));
  return digits(value, found ?? 7);
}

function raised(exponent) {
  return String(exponent).replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
}

function subscript(index) {
  return String(index).replace(/./g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
}

function bracket(written) {
  return written.startsWith("−") ? `(${written})` : written;
}

// 1, 2 or 5 and zeros: a scale that people can read, and that does not follow every change.
function roundUp(most) {
  if (most === 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].find((step) => step * unit >= most * (1 - 1e-6)) * unit;
}

function running({ values }) {
  let sum = 0;
  const sums = Array.from(values, (value) => (sum += value));
  return { values: sums, rows: 1, columns: sums.length };
}

// Where the pointer is in a picture, as row and column; null outside its cells.
function at(event, { matrix, left, top, cell }, canvas) {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left - left) / cell.width);
  const row = Math.floor((event.clientY - box.top - top) / cell.height);
  const inside = row >= 0 && row < matrix.rows && column >= 0 && column < matrix.columns;
  return inside ? { row, column } : null;
}

function sized(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext("2d");
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  return ctx;
}

function element(tag, properties = {}, children = []) {
  const made = document.createElement(tag);
  const { role, ...plain } = properties;
  if (role) made.setAttribute("role", role);
  Object.assign(made, plain);
  made.append(...children);
  return made;
}

function pressed(button, isPressed) {
  button.setAttribute("aria-pressed", String(isPressed));
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

// One pass, so that a label that looks like a template stays a label.
function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function range(count) {
  return Array.from({ length: count }, (_, i) => i);
}

function clamp(index, count) {
  return Math.max(0, Math.min(index, count - 1));
}

function rgb(colour) {
  const ctx = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  ctx.fillStyle = colour;
  ctx.fillRect(0, 0, 1, 1);
  return [...ctx.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

function luminance(colour) {
  const linear = rgb(colour)
    .map((byte) => byte / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}
