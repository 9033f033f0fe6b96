// The same numbers as pictures: every matrix with its frame, its labels and, where they fit, its numbers.

const LABELS = { width: 88, height: 58, font: 12 };
const CELL = { matrix: [26, 22], row: [84, 30], text: [44, 17] };
const BIG = 6; // from this size on, cells are drawn one by one, with a gap

class StepsFigures extends StepsTables {
  readTheme() {
    const before = this.dark;
    Object.assign(this, themeOf(this.root));
    if (this.dark !== before) this.images = new WeakMap();
    this.grey = rgb(this.ink);
    this.plus = this.dark ? [45, 190, 174] : [13, 148, 136];
    this.minus = this.dark ? [245, 138, 60] : [208, 90, 0];
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
    Object.assign(picture, { left, top, size, wide, slots });
    const canvas = element("canvas", { role: "img", tabIndex: -1 });
    canvas.ariaLabel = `${picture.plain}: ${matrix.rows} × ${matrix.columns}`;
    canvas.dataset.name = name;
    const ctx = placed(canvas, left + size.width + (top && !wide ? 24 : 1), top + size.height + 1);
    picture.canvas = canvas;
    this.paintFigure(ctx, picture);
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

  paintFigure(ctx, picture) {
    const { matrix, left, top, size, wide, slots } = picture;
    this.paint(ctx, matrix, { left, top, ...size });
    this.frame(ctx, picture);
    if (left) this.rowLabels(ctx, picture);
    if (slots) this.headLabels(ctx, picture);
    else if (top) this.columnLabels(ctx, picture, wide);
    this.cellNumbers(ctx, picture);
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
    ctx.fillText(shortened(ctx, words, most), x, y);
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
}

// 1, 2 or 5 and zeros: a scale that people can read, and that does not follow every change.
function roundUp(most) {
  if (most === 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].find((step) => step * unit >= most * (1 - 1e-6)) * unit;
}

// Where the pointer is in a picture, as row and column; null outside its cells.
function at(event, { matrix, left, top, cell }, canvas) {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left - left) / cell.width);
  const row = Math.floor((event.clientY - box.top - top) / cell.height);
  const inside = row >= 0 && row < matrix.rows && column >= 0 && column < matrix.columns;
  return inside ? { row, column } : null;
}
