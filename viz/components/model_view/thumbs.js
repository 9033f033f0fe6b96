// The small maps: where each stands, and how its cells become dots.

const THUMB = { lowest: 56, comfortable: 84, highest: 220, gap: 8, screen: 0.7 };
const BIG = { highest: 620, narrowest: 300, share: 0.36, screen: 0.6, cell: 40, tick: 13, label: 110 };
const HATCH = { every: 6, wide: 1.4 };

class ModelThumbs extends ModelCells {
  // As large as the screen allows: all rows within its height where they stay legible.
  place() {
    const { sections, text } = this.message;
    const most = this.narrow ? this.width : this.width - Math.max(BIG.narrowest, BIG.share * this.width) - 28;
    const heads = Math.max(...sections.map((section) => section.heads));
    const rows = sections.reduce((sum, section) => sum + section.layers, 0);
    const { gap } = THUMB;
    const edge = this.narrow ? 22 : 62; // the layers' names
    const wide = (most - edge) / heads - gap;
    const named = sections.some(({ grid }) => !grid) || wide < THUMB.lowest;
    const valued = this.tiles.some(({ value }) => value);
    this.caption = valued || named ? 18 : 0;
    const high = (window.innerHeight * THUMB.screen - 40 * sections.length) / rows - gap - this.caption;
    const size = this.narrow ? wide : Math.min(wide, Math.max(high, THUMB.comfortable));
    const box = Math.floor(Math.max(THUMB.lowest, Math.min(THUMB.highest, size)));
    const marks = [];
    const mark = (words, x, y, className = "") => marks.push({ words, x, y, className });
    let [y, width] = [0, 0];
    for (const section of sections) {
      const shape = Math.max(0.5, Math.min(1.5, section.rows / Math.max(1, section.columns)));
      const height = Math.round(box * shape);
      const tiles = this.tiles.filter((tile) => tile.section === section);
      if (sections.length > 1) {
        mark(section.name, 0, y, "name");
        y += 24;
      }
      const across = section.grid ? section.heads : Math.max(1, Math.floor((most + gap) / (box + gap)));
      const left = section.grid && !named ? edge : 1;
      if (left === edge) {
        const whole = box >= 64;
        for (let h = 0; h < across; h++)
          mark(whole ? fill(text.head, { head: h + 1 }) : `${h + 1}`, left + h * (box + gap), y);
        if (!whole) mark(text.heads, 0, y);
        y += 18;
      }
      tiles.forEach((tile, i) => {
        const [line, column] = [Math.floor(i / across), i % across];
        const top = y + line * (height + this.caption + gap);
        Object.assign(tile, { x: left + column * (box + gap), y: top, w: box, h: height });
        width = Math.max(width, tile.x + box);
        if (left === edge && column === 0) {
          const words = this.narrow ? `${tile.layer + 1}` : fill(text.layer, { layer: tile.layer + 1 });
          mark(words, 0, top + height / 2 - 8);
        }
      });
      const lines = Math.ceil(tiles.length / across);
      if (!tiles.length && this.tiles.length) mark(text.none, 0, y);
      y += lines ? lines * (height + this.caption + gap) : 22;
      y += 10;
    }
    this.sheetWidth = width + 2; // and the last edge
    this.sheetHeight = Math.max(y, 1);
    this.dress(marks, named, most);
  }

  dress(marks, named, most) {
    const { text } = this.message;
    const px = (node, values) =>
      Object.entries(values).forEach(([name, value]) => node.style.setProperty(`--${name}`, `${value}px`));
    px(this.root, { width: this.sheetWidth, height: this.sheetHeight, caption: this.caption });
    px(this.root, { all: Math.min(most, Math.max(this.sheetWidth, Math.min(most, 380))) });
    this.tiles.forEach((tile, i) => {
      px(this.items[i], { x: tile.x, y: tile.y, w: tile.w, h: tile.h });
      const short = fill(text.short, { layer: tile.layer + 1, head: tile.head + 1 });
      const parts = [named && element("b", { textContent: short }), element("span", { textContent: tile.value })];
      const under = element("span", { className: "under", ariaHidden: "true" }, parts.filter(Boolean));
      this.items[i].replaceChildren(...(this.caption ? [under] : []));
    });
    this.marks.replaceChildren(
      ...marks.map(({ words, x, y, className }) => {
        const made = element("span", { className: `mark ${className}`, textContent: words });
        made.style.cssText = `left: ${x}px; top: ${y}px`;
        return made;
      }),
    );
  }

  drawThumbs() {
    this.paintThumbs(sized(this.thumbs, this.sheetWidth, this.sheetHeight));
    const lumps = this.message.sections.map((section) => section.step * (this.pooled.get(section) ?? 1));
    const most = Math.max(1, ...lumps);
    const { text } = this.message;
    const nobody = this.tiles.every(({ pale }) => pale);
    const notes = [nobody && text.none, most > 1 && fill(text.shrunk, { step: most })];
    this.notes.textContent = notes.filter(Boolean).join(" ");
    this.notes.hidden = !this.notes.textContent;
  }

  paintThumbs(ctx) {
    const ratio = this.thumbs.width / this.sheetWidth;
    this.pooled = new Map();
    ctx.imageSmoothingEnabled = false;
    ctx.strokeStyle = this.ink;
    ctx.lineWidth = 1;
    for (const tile of this.tiles) {
      const { section, x, y, w, h } = tile;
      const { rows, columns } = section;
      const window = { row: 0, column: 0, rows, columns };
      const pool = Math.max(1, Math.ceil(Math.max(rows / (h * ratio), columns / (w * ratio))));
      this.pooled.set(section, pool);
      ctx.globalAlpha = tile.pale ? 0.15 : 1;
      const cells = cellsOf({ window: null }, tile);
      if (section.masked) ctx.drawImage(this.hatching(section, cells, window, w, h), x, y, w, h);
      ctx.drawImage(this.image(cells, window, pool), x, y, w, h);
      ctx.globalAlpha = tile.pale ? 0.12 : 0.25;
      ctx.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
    }
    ctx.globalAlpha = 1;
  }

  // A pixel a cell; where the screen has fewer, one for the largest of pool × pool cells.
  image({ weights, columns: n }, { row, column, rows, columns }, pool) {
    const [height, width] = [Math.ceil(rows / pool), Math.ceil(columns / pool)];
    const image = new ImageData(width, height);
    const [red, green, blue] = rgb(this.message.ink);
    const alpha = this.inking(weights);
    for (let r = 0; r < rows; r++) {
      const ink = alpha((row + r) * n, n);
      const line = Math.floor(r / pool) * width;
      for (let c = 0; c < columns; c++) {
        const at = 4 * (line + Math.floor(c / pool));
        const step = ink[weights[(row + r) * n + column + c]];
        if (step <= image.data[at + 3]) continue;
        image.data[at] = red;
        image.data[at + 1] = green;
        image.data[at + 2] = blue;
        image.data[at + 3] = step;
      }
    }
    const canvas = element("canvas", { width, height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  // From half per cents to ink: of 1, of the head's largest weight, or of the row's.
  inking(weights) {
    const { scale } = this.message;
    const whole = inks(scale === "head" ? largest(weights) : EVERYTHING);
    return scale === "row" ? (from, size) => inks(largest(weights.subarray(from, from + size))) : () => whole;
  }

  // Masked cells: grey ground and slanted lines, pixel by pixel; the same for all heads of a kind.
  hatching(section, { mask, columns: n, step }, { row, column, rows, columns }, w, h) {
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale))];
    const key = [section.kind, step, row, column, rows, columns, width, height].join();
    if (this.cache.has(key)) return this.cache.get(key);
    const image = new ImageData(width, height);
    for (let y = 0; y < height; y++) {
      const line = (row + Math.floor((y * rows) / height)) * n + column;
      for (let x = 0; x < width; x++) {
        if (mask[line + Math.floor((x * columns) / width)]) continue;
        const stroke = (x + y) % (HATCH.every * scale) < HATCH.wide * scale;
        image.data.set([138, 147, 143, stroke ? 190 : 40], 4 * (y * width + x));
      }
    }
    const canvas = element("canvas", { width, height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    if (this.cache.size > 40) this.cache.clear();
    this.cache.set(key, canvas);
    return canvas;
  }

  // The legend's two pictures: from no ink to full ink, and what is masked.
  samples() {
    const [red, green, blue] = rgb(this.message.ink);
    const ramp = (ctx) => {
      for (let x = 0; x < 72; x += 3) {
        ctx.fillStyle = `rgba(${red}, ${green}, ${blue}, ${x / 69})`;
        ctx.fillRect(x, 0, 3, 11);
      }
    };
    const swatch = (ctx) => {
      const stripes = { kind: "legend" };
      const cells = { mask: [0], columns: 1, step: 0 };
      ctx.drawImage(this.hatching(stripes, cells, { row: 0, column: 0, rows: 1, columns: 1 }, 16, 11), 0, 0, 16, 11);
    };
    return new Map([[this.ramp, ramp], [this.swatch, swatch]]);
  }

  mark() {
    const [shown, selected] = [this.shown(), this.selected()];
    const active = this.active ?? selected;
    this.tiles.forEach((tile, i) => {
      const { classList } = this.items[i];
      classList.toggle("shown", tile === shown);
      classList.toggle("chosen", tile === selected);
      classList.toggle("active", tile === active);
      this.items[i].setAttribute("aria-selected", String(tile === selected));
    });
    const at = this.tiles.indexOf(active);
    this.list.setAttribute("aria-activedescendant", at < 0 ? "" : `tile${at}`);
  }

  reveal(tile) {
    const { scrollLeft, clientWidth } = this.scroller;
    if (tile.x < scrollLeft) this.scroller.scrollLeft = tile.x - 8;
    else if (tile.x + tile.w > scrollLeft + clientWidth) this.scroller.scrollLeft = tile.x + tile.w - clientWidth + 16;
    const box = this.items[this.tiles.indexOf(tile)]?.getBoundingClientRect();
    if (box && (box.top < 80 || box.bottom > window.innerHeight)) this.items[this.tiles.indexOf(tile)].scrollIntoView({ block: "nearest" });
  }
}

const tables = new Map();
// For each step its ink 0..255, where `full` is full ink.
function inks(full) {
  if (!tables.has(full)) {
    const most = share(full) || 1;
    tables.set(full, Uint8ClampedArray.from({ length: 256 }, (_, step) => Math.round((255 * share(step)) / most)));
  }
  return tables.get(full);
}
