// The steps view. All stages of one head arrive once, as float32; next and back, another query or key
// are then drawn here, and only where the student is goes back to Python, for the link.

export default function stepsView(component) {
  return mounted(StepsView, component);
}

class StepsView extends StepsFigures {
  constructor(parent) {
    super();
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
    this.layout();
  }

  layout() {
    this.width = this.root.clientWidth;
    if (this.width) this.draw(); // else once there is room
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
    this.tell("place", () => ({ ...this.place, turn: this.message.turn }));
  }

  lookAt(key) {
    this.key = clamp(key, this.message.keys.length);
    this.draw();
  }

  press(event) {
    if (!this.isOurs(event)) return;
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
    this.obey(event, event.shiftKey ? shifted[event.key] : (keys[event.key] ?? keys[event.code]));
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
    super.listen();
    this.watchWidth();
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
    this.save = Save.buttons(() => this.saved());
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
      this.save.root,
      this.table,
    ]);
    const parts = [bar, this.rail, this.formula, this.origin, stage, this.hint, this.tip];
    this.root = element("section", { className: "view steps-view", tabIndex: 0 }, parts);
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
    this.save.say(text);
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

  // The stage on screen, its canvases drawn again.
  saved() {
    const { stages, queries, text } = this.message;
    const { stage, query } = this.place;
    const parts = [this.sentence, this.pictures, this.numbers, this.multiplied, this.badge];
    const picture = (canvas) => this.drawn.find((picture) => picture.canvas === canvas);
    return {
      name: `jumok ${stage + 1} ${stages[stage]} ${queries[query]}`,
      title: this.title.textContent,
      caption: text.of,
      ...Save.stack(parts, (ctx, canvas) => this.paintFigure(ctx, picture(canvas))),
    };
  }

  // ---- drawing -----------------------------------------------------------------------------------

  draw() {
    const { stages, text, queries, keys, arrays } = this.message;
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
      this.paint(placed(canvas, 92, 40), matrix, { left: 0, top: 0, width: 92, height: 40 });
    });
    const card = this.cards[stage].item;
    const { offsetLeft, offsetWidth } = card;
    const { scrollLeft, clientWidth } = this.rail;
    if (offsetLeft < scrollLeft || offsetLeft + offsetWidth > scrollLeft + clientWidth)
      this.rail.scrollLeft = offsetLeft - clientWidth / 2 + offsetWidth / 2;
  }
}
