// The enlarged map: its window, its words, the cell that is pointed at.

const SLANT = -Math.PI / 3;
const PHONE = 0.3; // of the screen's height: the others are to be seen, too
const MARK = "#c2571a";

class ModelEnlarged extends ModelThumbs {
  enlarge() {
    const tile = this.shown();
    this.one.hidden = !tile;
    this.big = null;
    if (!tile || !this.width) return;
    const { text } = this.message;
    const cells = cellsOf(this.message, tile);
    const focus = this.cell ?? this.resting(tile, cells);
    const window = this.windowAround(focus, cells);
    this.big = { tile, cells, window, ...this.plan(tile.section, cells, window) };
    const { outer } = this.big;
    for (const [name, value] of [["--big-width", outer.width], ["--big-height", outer.height]])
      this.one.style.setProperty(name, `${value}px`);
    this.paintBig(sized(this.base, outer.width, outer.height));
    sized(this.cross, outer.width, outer.height);
    const value = tile.value ? [element("small", { textContent: `${text.value} ${tile.value}` })] : [];
    this.title.replaceChildren(this.nameOf(tile), ...value);
    const sizes = this.windows();
    this.zoomer.hidden = !sizes.length;
    this.smaller.disabled = this.zoom === 0;
    this.larger.disabled = this.zoom >= sizes.length;
    this.bigNote.textContent = this.noted().join(" ");
    this.drawCross();
    this.outline();
  }

  windowAround({ row, column }, { rows, columns, step }) {
    const tokens = this.zoom ? (this.windows()[this.zoom - 1] ?? this.windows().at(-1)) : undefined;
    const size = tokens === undefined ? Infinity : Math.max(2, Math.ceil(tokens / step));
    const span = (at, all) => {
      const length = Math.min(size, all);
      return [Math.max(0, Math.min(all - length, at - (length >> 1))), length];
    };
    const [top, height] = span(row, rows);
    const [left, width] = span(column, columns);
    return { row: top, column: left, rows: height, columns: width };
  }

  // Where the cells begin (left, top), how large each is, and how large all of it is.
  plan(section, { step }, { row, column, rows, columns }) {
    const beside = this.narrow ? this.width : this.one.clientWidth || this.width - this.sheetWidth - 28;
    const most = Math.min(beside, BIG.highest + BIG.label);
    const high = Math.max(220, window.innerHeight * (this.narrow ? PHONE : BIG.screen));
    const ctx = this.base.getContext("2d");
    ctx.font = `600 13px ${this.font}`;
    const widest = (labels, from, count) =>
      labels.slice(from * step, (from + count) * step).reduce((w, label) => Math.max(w, ctx.measureText(label).width), 0);
    const left = Math.min(widest(section.queries, row, rows) + 12, 0.3 * most, BIG.label);
    const label = Math.min(widest(section.keys, column, columns), BIG.label);
    const top = Math.ceil(label * Math.abs(Math.sin(SLANT)) + 14);
    const overhang = Math.min(60, label * Math.cos(SLANT) + 8);
    const cell = Math.min((most - left - overhang) / columns, (high - top) / rows, BIG.cell);
    const side = Math.max(cell, 0.5);
    // Few rows or few columns: the cells are as wide or as high as is needed to hold the words.
    const width = Math.min((most - left - overhang) / columns, Math.max(side, BIG.tick * (columns < 40 ? 1 : 0)));
    const outer = {
      width: Math.ceil(left + columns * width + overhang),
      height: Math.ceil(top + rows * side + 2),
    };
    return { left, top, width, height: side, outer };
  }

  paintBig(ctx) {
    const { tile, cells, window: view, left, top, width, height } = this.big;
    const [w, h] = [view.columns * width, view.rows * height];
    const ratio = window.devicePixelRatio || 1;
    const pool = Math.max(1, Math.ceil(1 / (ratio * Math.min(width, height))));
    this.bigPool = pool;
    ctx.save();
    ctx.imageSmoothingEnabled = false;
    if (tile.section.masked) ctx.drawImage(this.hatching(tile.section, cells, view, w, h), left, top, w, h);
    ctx.drawImage(this.image(cells, view, pool), left, top, w, h);
    ctx.strokeStyle = this.ink;
    if (Math.min(width, height) >= 8) {
      ctx.globalAlpha = 0.1;
      ctx.lineWidth = 1;
      ctx.beginPath();
      for (let c = 1; c < view.columns; c++) {
        ctx.moveTo(left + c * width, top);
        ctx.lineTo(left + c * width, top + h);
      }
      for (let r = 1; r < view.rows; r++) {
        ctx.moveTo(left, top + r * height);
        ctx.lineTo(left + w, top + r * height);
      }
      ctx.stroke();
    }
    ctx.globalAlpha = 0.3;
    ctx.strokeRect(left, top, w, h);
    ctx.restore();
    this.paintLabels(ctx);
  }

  paintLabels(ctx) {
    const { cells, window: view, width, height } = this.big;
    const { queries, keys } = this.big.tile.section;
    const every = (side) => Math.max(1, Math.ceil(BIG.tick / side));
    ctx.save();
    ctx.globalAlpha = 0.8;
    for (let r = 0; r < view.rows; r += every(height)) this.label(ctx, queries, (view.row + r) * cells.step, "query", r);
    for (let c = 0; c < view.columns; c += every(width)) this.label(ctx, keys, (view.column + c) * cells.step, "key", c);
    ctx.restore();
  }

  label(ctx, labels, index, side, at, bold = false) {
    const { left, top, width, height } = this.big;
    ctx.save();
    ctx.fillStyle = this.ink;
    ctx.font = `${bold ? 600 : 400} 13px ${this.font}`;
    ctx.textBaseline = "middle";
    if (side === "query") {
      ctx.textAlign = "right";
      ctx.fillText(shortened(ctx, labels[index], left - 10), left - 6, top + (at + 0.5) * height);
    } else {
      ctx.textAlign = "left";
      ctx.translate(left + (at + 0.5) * width, top - 6);
      ctx.rotate(SLANT);
      ctx.fillText(shortened(ctx, labels[index], BIG.label), 0, 0);
    }
    ctx.restore();
  }

  // The cell that is pointed at, and its names; all that a move within one head costs.
  drawCross() {
    if (!this.big) return;
    const ctx = this.cross.getContext("2d");
    ctx.clearRect(0, 0, this.big.outer.width, this.big.outer.height);
    const cell = this.cell ?? this.resting(this.big.tile, this.big.cells);
    this.paintCross(ctx, cell);
    this.tell(cell);
  }

  paintCross(ctx, cell) {
    const { tile, cells, window: view, left, top, width, height } = this.big;
    const [row, column] = [cell.row - view.row, cell.column - view.column];
    if (row < 0 || column < 0 || row >= view.rows || column >= view.columns) return;
    const { query, key } = this.named(cells, cell);
    ctx.save();
    ctx.strokeStyle = MARK;
    ctx.lineWidth = 1;
    ctx.strokeRect(left, top + row * height, view.columns * width, height);
    ctx.lineWidth = 2.5;
    const [w, h] = [Math.max(width, 4), Math.max(height, 4)];
    ctx.strokeRect(left + (column + 0.5) * width - w / 2, top + (row + 0.5) * height - h / 2, w, h);
    this.under(ctx, tile.section.queries[query], "query", row);
    this.under(ctx, tile.section.keys[key], "key", column);
    this.label(ctx, tile.section.queries, query, "query", row, true);
    this.label(ctx, tile.section.keys, key, "key", column, true);
    ctx.restore();
  }

  // The page's ground below a name, so that it can be read over its neighbours.
  under(ctx, words, side, at) {
    const { left, top, width, height } = this.big;
    ctx.save();
    ctx.font = `600 13px ${this.font}`;
    ctx.fillStyle = this.ground;
    if (side === "query") {
      ctx.fillRect(0, top + (at + 0.5) * height - 9, left - 2, 18);
    } else {
      ctx.translate(left + (at + 0.5) * width, top - 6);
      ctx.rotate(SLANT);
      ctx.fillRect(-2, -9, ctx.measureText(shortened(ctx, words, BIG.label)).width + 6, 18);
    }
    ctx.restore();
  }

  // The part of the thumbnail that is enlarged.
  outline() {
    const { tile, cells, window: view } = this.big;
    this.frameBox.hidden = this.zoom === 0 || tile.x === undefined;
    if (this.frameBox.hidden) return;
    const [wide, high] = [tile.w / cells.columns, tile.h / cells.rows];
    const box = { left: tile.x + view.column * wide, top: tile.y + view.row * high };
    const size = { width: view.columns * wide, height: view.rows * high };
    for (const [name, value] of Object.entries({ ...box, ...size })) this.frameBox.style[name] = `${value}px`;
  }

  // Over the enlarged map the window stays where it is.
  pointInside(event) {
    if (!this.big) return null;
    const box = this.picture.getBoundingClientRect();
    const { left, top, width, height, window } = this.big;
    const column = Math.floor((event.clientX - box.left - left) / width);
    const row = Math.floor((event.clientY - box.top - top) / height);
    const inside = row >= 0 && column >= 0 && row < window.rows && column < window.columns;
    return inside ? { row: window.row + row, column: window.column + column } : null;
  }

  // The cell under the pointer in words, and where its row looks most.
  tell(cell) {
    const { tile, cells } = this.big;
    const { text } = this.message;
    const { query, key, percent: shown } = this.pair(tile, cells, cell);
    const line = cells.weights.subarray(cell.row * cells.columns, (cell.row + 1) * cells.columns);
    const top = { row: cell.row, column: line.indexOf(largest(line)) };
    const strongest = largest(line) ? fill(text.row, this.pair(tile, cells, top)) : fill(text.nothing, { query });
    const parts = [
      element("span", { textContent: `${text.query} ` }), element("b", { textContent: query, dir: "auto" }),
      element("span", { textContent: ` → ${text.key} ` }), element("b", { textContent: key, dir: "auto" }), " · ",
      element("span", { className: "share", textContent: shown }),
      element("span", { className: "row", textContent: strongest }),
    ];
    this.told.replaceChildren(...parts);
  }

  noted() {
    const { cells, window: view, tile } = this.big;
    const { text, scale } = this.message;
    const notes = [];
    if (scale === "head")
      notes.push(fill(text.full_head, { percent: fill(text.percent, { percent: percent(largest(cells.weights)) }) }));
    if (scale === "row") notes.push(text.scale_row);
    const lump = cells.step * this.bigPool;
    if (lump > 1) notes.push(fill(text.lump, { step: lump }));
    if (cells.step > 1) notes.push(text.click);
    const { queries, keys } = tile.section;
    const end = (from, count, all) => Math.min(all.length, (from + count) * cells.step);
    const [bottom, right] = [end(view.row, view.rows, queries), end(view.column, view.columns, keys)];
    const all = view.rows === cells.rows && view.columns === cells.columns;
    const from = { top: view.row * cells.step + 1, left: view.column * cells.step + 1 };
    if (!all) notes.push(fill(text.window, { ...from, bottom, right, queries: queries.length, keys: keys.length }));
    this.zoomed.textContent = all ? "" : `${bottom - from.top + 1} × ${right - from.left + 1}`;
    return notes;
  }
}
