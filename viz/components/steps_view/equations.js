// What each stage calculates: matrices by their names, and equations made of them.

const SQUARES = ["scores", "scaled", "masked", "exp", "weights"];
const LABELLED = { labels: true };
const RESULT = { result: true, lit: true };
const sign = (text) => ({ sign: text });

class StepsEquations extends Stepping {
  // Behind the header the arrays that it names, float32, one after the other.
  read(data) {
    const { header, rest } = headed(data);
    const body = rest.slice().buffer;
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
}

function running({ values }) {
  let sum = 0;
  const sums = Array.from(values, (value) => (sum += value));
  return { values: sums, rows: 1, columns: sums.length };
}
