// The pictures: numbers as strips of cells, for the chosen pair, for every key, for every head.

const POSITIVE = "13,148,136"; // theme.SIGNED
const NEGATIVE = "194,87,26";
const ROW = { wide: 24, touch: 34, narrow: 44 };
const STRIP = 24; // height of q, k and q × k of the chosen pair
const LEGEND = 22;
const TITLE = 24;
const NARROW = 620;
const WEIGHT = 92; // the longest weight, 0.000001234, in bold

class NeuronStrips extends NeuronNumbers {
  layout() {
    const { keys, query, d_k, text, heads, layers } = this.message;
    Object.assign(this, themeOf(this.root));
    this.width = this.root.clientWidth;
    this.narrow = this.width < NARROW;
    this.rowHeight = this.narrow ? ROW.narrow : isTouch() ? ROW.touch : ROW.wide;
    this.spacer.style.height = `${keys.length * this.rowHeight}px`;
    this.inner = this.scroller.clientWidth - 2; // a scroll bar takes its width from the rows
    const ctx = this.pair.getContext("2d");
    ctx.font = `600 14px ${this.font}`;
    const wide = (words) => ctx.measureText(words).width;
    const names = [...keys.map((key) => `k · ${key}`), `q · ${query}`, "q × k"].map(wide);
    const widest = names.reduce((most, one) => Math.max(most, one), 0) + 16;
    this.numberWidth = this.narrow ? 62 : 74;
    this.weightWidth = this.narrow ? WEIGHT : WEIGHT + 66; // and a bar
    const numbers = 2 * this.numberWidth + this.weightWidth;
    this.labelWidth = Math.min(widest, this.narrow ? this.inner - numbers : 0.24 * this.width);
    this.from = this.narrow ? 0 : this.labelWidth;
    this.to = this.narrow ? this.inner : this.inner - numbers;
    this.cell = (this.to - this.from) / d_k;
    this.legendHeight = this.narrow ? 2 * LEGEND : LEGEND;
    placed(this.pair, this.inner, this.legendHeight + 3 * (this.narrow ? STRIP + 24 : STRIP + 3));
    placed(this.titles, this.inner, TITLE);
    placed(this.rows, this.inner, Math.min(this.scroller.clientHeight, keys.length * this.rowHeight));
    this.gridLeft = Math.ceil(wide(fill(text.layer, { layer: layers }))) + 14;
    this.gridCell = (this.inner - this.gridLeft) / heads;
    this.gridRow = 46;
    placed(this.grid, this.inner, TITLE + layers * this.gridRow);
    this.draw();
  }

  draw() {
    this.dimensions = this.sort();
    for (const button of this.options.querySelectorAll(".segments button"))
      pressed(button, this.place[button.name] === button.value);
    this.drawPair();
    this.drawTitles();
    this.drawRows();
    this.drawGrid();
    this.sayRead();
    this.speak();
  }

  // Numbers as cells: earth below zero, ink above, the page itself at zero.
  strip(ctx, values, top, height, limit, alpha = 1) {
    values.forEach((value, column) => {
      const left = Math.round(this.from + column * this.cell);
      const right = Math.round(this.from + (column + 1) * this.cell);
      ctx.globalAlpha = alpha;
      ctx.fillStyle = signed(value / limit);
      ctx.fillRect(left, top, Math.max(1, right - left - (this.cell > 4 ? 1 : 0)), height);
    });
    ctx.globalAlpha = 0.2;
    ctx.strokeStyle = this.ink;
    ctx.lineWidth = 1;
    ctx.strokeRect(this.from - 0.5, top - 0.5, this.to - this.from + 1, height + 1);
    ctx.globalAlpha = 1;
  }

  words(ctx, words, x, y, { align = "left", bold = false, size = 13, most = Infinity, alpha = 1 } = {}) {
    ctx.font = `${bold ? 600 : 400} ${size}px ${this.font}`;
    ctx.fillStyle = this.ink;
    ctx.globalAlpha = alpha;
    ctx.textAlign = align;
    ctx.textBaseline = "middle";
    ctx.fillText(shortened(ctx, words, most), x, y);
    ctx.globalAlpha = 1;
  }

  drawPair(ctx = this.pair.getContext("2d")) {
    const { q, k, query, keys, text, d_k, scores } = this.message;
    const { key, colours } = this.place;
    ctx.clearRect(0, 0, this.inner, 9999);
    const [vectors, products] = [this.limit("vectors"), this.limit("products")];
    const scale = { vectors: written(vectors), products: written(products) };
    const bar = 90;
    for (let i = 0; i < bar; i++) {
      ctx.fillStyle = signed((2 * i) / (bar - 1) - 1);
      ctx.fillRect(i, 4, 1, 12);
    }
    const [first, second] = [fill(text.scale_vectors, scale), fill(text.scale_products, scale)];
    const of = colours === "all" ? text.scale_all : text.scale_head;
    if (this.narrow) {
      this.words(ctx, first, bar + 10, 10, { size: 12, most: this.inner - bar - 10 });
      this.words(ctx, `${second} · ${of}`, 0, 10 + LEGEND, { size: 12, most: this.inner });
    } else this.words(ctx, `${first} · ${second} · ${of}`, bar + 10, 10, { size: 12, most: this.inner - bar - 10 });
    const rows = [
      [`q · ${query}`, q, vectors, ""],
      [`k · ${keys[key]}`, k.subarray(key * d_k, (key + 1) * d_k), vectors, ""],
      ["q × k", this.message.products.subarray(key * d_k, (key + 1) * d_k), products, `Σ = ${written(scores[key])}`],
    ];
    let top = this.legendHeight;
    for (const [name, values, limit, sum] of rows) {
      const sorted = this.dimensions.map((d) => values[d]);
      if (this.narrow) {
        this.words(ctx, name, 0, top + 11, { bold: true, most: 0.6 * this.inner });
        this.words(ctx, sum, this.inner, top + 11, { bold: true, align: "right" });
        this.strip(ctx, sorted, top + 21, STRIP, limit);
        top += STRIP + 24;
      } else {
        this.words(ctx, name, 0, top + STRIP / 2, { bold: true, most: this.labelWidth - 8 });
        this.strip(ctx, sorted, top, STRIP, limit);
        this.words(ctx, sum, this.to + this.numberWidth, top + STRIP / 2, { bold: true, align: "right" });
        top += STRIP + 3;
      }
    }
  }

  drawTitles(ctx = this.titles.getContext("2d")) {
    const { text } = this.message;
    ctx.clearRect(0, 0, this.inner, TITLE);
    const y = TITLE / 2 + 2;
    const head = { size: 12, bold: true, alpha: 0.75 };
    this.words(ctx, text.key, 0, y, { ...head, most: this.labelWidth });
    if (!this.narrow) this.words(ctx, text.products, this.from, y, { ...head, most: this.to - this.from });
    const right = this.inner - this.weightWidth;
    this.words(ctx, "Σ = q · k", right - this.numberWidth, y, { ...head, align: "right" });
    this.words(ctx, "÷ √dₖ", right, y, { ...head, align: "right" });
    this.words(ctx, text.weight, this.inner, y, { ...head, align: "right", most: this.weightWidth - 8 });
  }

  // Only the rows that are in sight are painted: a long sentence costs no more than a short one.
  drawRows(ctx = this.rows.getContext("2d"), whole = false) {
    const { keys } = this.message;
    const from = whole ? 0 : this.scroller.scrollTop;
    const seen = whole ? keys.length * this.rowHeight : this.scroller.clientHeight;
    ctx.clearRect(0, 0, this.inner, seen);
    const first = Math.max(0, Math.floor(from / this.rowHeight));
    const last = Math.min(keys.length, Math.ceil((from + seen) / this.rowHeight));
    for (let key = first; key < last; key++) this.drawKey(ctx, key, key * this.rowHeight - from);
  }

  drawKey(ctx, key, top) {
    const { keys, mask, scores, scaled, weights, text } = this.message;
    const chosen = key === this.place.key;
    const allowed = mask[key] === 1;
    const alpha = allowed ? 1 : 0.45;
    if (chosen) {
      ctx.fillStyle = this.accent;
      ctx.globalAlpha = 0.12;
      ctx.fillRect(0, top, this.inner, this.rowHeight);
      ctx.globalAlpha = 1;
      ctx.fillRect(0, top, 3, this.rowHeight);
    }
    const line = this.narrow ? 20 : this.rowHeight;
    const middle = top + line / 2;
    this.words(ctx, keys[key], 7, middle, { size: 14, bold: chosen, most: this.labelWidth - 14, alpha });
    const values = this.dimensions.map((d) => this.product(key, d));
    const [above, height] = this.narrow ? [top + 21, this.rowHeight - 25] : [top + 3, this.rowHeight - 6];
    this.strip(ctx, values, above, height, this.limit("products"), alpha);
    const right = this.inner - this.weightWidth;
    this.words(ctx, written(scores[key]), right - this.numberWidth, middle, { align: "right", alpha });
    this.words(ctx, written(scaled[key]), right, middle, { align: "right", alpha });
    if (!allowed) {
      this.words(ctx, text.masked, this.inner, middle, { align: "right", most: this.weightWidth - 8, alpha: 0.75 });
    } else {
      const track = this.weightWidth - WEIGHT;
      if (track > 0) {
        ctx.fillStyle = this.ink;
        ctx.globalAlpha = 0.06;
        ctx.fillRect(right + 8, middle - 6, track - 8, 12);
        ctx.fillStyle = this.accent;
        ctx.globalAlpha = 0.85;
        ctx.fillRect(right + 8, middle - 6, (track - 8) * weights[key], 12);
        ctx.globalAlpha = 1;
      }
      this.words(ctx, written(weights[key]), this.inner - 2, middle, { align: "right", bold: true });
    }
    if (this.pointed?.key === key && this.pointed.column !== undefined) {
      ctx.strokeStyle = this.ink;
      ctx.lineWidth = 2;
      ctx.strokeRect(this.from + this.pointed.column * this.cell, above, Math.max(3, this.cell), height);
    }
  }

  drawGrid(ctx = this.grid.getContext("2d")) {
    const { layers, heads, d_k, all_products, all_scores, all_weights, text } = this.message;
    ctx.clearRect(0, 0, this.inner, 9999);
    const limit = this.message.limits.all.products || 1;
    const width = this.gridCell - 6;
    // The score stands before the weight in every cell, or, where one has no room for it, in none.
    const short = Array.from(all_weights, written);
    const long = short.map((weight, at) => `${written(all_scores[at])} → ${weight}`);
    ctx.font = `400 11px ${this.font}`;
    const fits = (words) => ctx.measureText(words).width <= width;
    const labels = long.every(fits) ? long : short;
    for (let head = 0; head < heads; head++) {
      const x = this.gridLeft + (head + 0.5) * this.gridCell;
      const name = this.gridCell > 60 ? fill(text.head, { head: head + 1 }) : String(head + 1);
      this.words(ctx, name, x, TITLE / 2, { align: "center", size: 12, bold: true, alpha: 0.75 });
    }
    for (let layer = 0; layer < layers; layer++) {
      const top = TITLE + layer * this.gridRow;
      this.words(ctx, fill(text.layer, { layer: layer + 1 }), 0, top + 16, { size: 13, bold: true, alpha: 0.75 });
      for (let head = 0; head < heads; head++) {
        const at = layer * heads + head;
        const left = this.gridLeft + head * this.gridCell + 3;
        for (let d = 0; d < d_k; d++) {
          const [from, to] = [d, d + 1].map((column) => Math.round(left + (column * width) / d_k));
          ctx.fillStyle = signed(all_products[at * d_k + d] / limit);
          ctx.fillRect(from, top + 2, Math.max(1, to - from), 18);
        }
        ctx.strokeStyle = this.ink;
        ctx.globalAlpha = 0.2;
        ctx.lineWidth = 1;
        ctx.strokeRect(left - 0.5, top + 1.5, width + 1, 19);
        ctx.globalAlpha = 1;
        ctx.fillStyle = this.ink;
        ctx.globalAlpha = 0.07;
        ctx.fillRect(left, top + 23, width, 5);
        ctx.globalAlpha = 1;
        ctx.fillStyle = this.accent;
        ctx.fillRect(left, top + 23, width * all_weights[at], 5);
        ctx.font = `400 11px ${this.font}`;
        if (fits(labels[at])) this.words(ctx, labels[at], left + width / 2, top + 36, { align: "center", size: 11 });
        const here = layer === this.place.layer && head === this.place.head;
        const read = this.pointed?.head === head && this.pointed.layer === layer;
        if (here || read) {
          ctx.strokeStyle = here ? this.accent : this.ink;
          ctx.lineWidth = here ? 2.5 : 1.25;
          ctx.strokeRect(left - 2, top, width + 4, this.gridRow - 2);
        }
      }
    }
  }

  // All of it, also what is scrolled away.
  saved() {
    const { text, caption, query, keys } = this.message;
    const { layer, head, key } = this.place;
    const heights = [this.pair, this.titles].map((canvas) => canvas.clientHeight + 6);
    const body = keys.length * this.rowHeight;
    const draw = (ctx) => {
      const below = (height, paint) => {
        ctx.save();
        paint();
        ctx.restore();
        ctx.translate(0, height);
      };
      ctx.save();
      below(heights[0], () => this.drawPair(ctx));
      below(heights[1], () => this.drawTitles(ctx));
      below(body + 16, () => this.drawRows(ctx, true));
      below(TITLE, () => this.words(ctx, this.gridTitle.textContent, 0, 8, { bold: true, size: 14 }));
      this.drawGrid(ctx);
      ctx.restore();
    };
    const where = `${fill(text.layer, { layer: layer + 1 })} · ${fill(text.head, { head: head + 1 })}`;
    const title = `${text.title} · ${where} · ${query} → ${keys[key]}`;
    const height = heights[0] + heights[1] + body + 16 + TITLE + this.grid.clientHeight;
    return { name: `jumok neurons ${where} ${query} ${keys[key]}`, title, caption, width: this.inner, height, draw };
  }
}

function signed(share) {
  return `rgba(${share < 0 ? NEGATIVE : POSITIVE},${Math.min(1, Math.abs(share)).toFixed(3)})`;
}
