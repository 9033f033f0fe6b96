// The map of a panel: its size, its cells and labels, and what is marked in it.

const CELL = { largest: 34, readable: 16, closer: 20, closerTouch: 26, drawn: 5 };
const MOST = { height: 540, label: 150, share: 0.34 };
const LINE = 1.2; // of a label, in heights of its letters
const SLANT = Math.PI / 3; // of the columns' labels
const LEGEND = { height: 24, bar: 84 };

class PanelMap extends View {
  layout() {
    const { queries, keys } = this.message;
    Object.assign(this, themeOf(this.root));
    this.width = this.root.clientWidth;
    const ctx = this.base.getContext("2d");
    const size = (this.size = { font: this.width < 360 ? 12 : 13 });
    ctx.font = `600 ${size.font}px ${this.font}`;
    const longest = Math.min(MOST.label, MOST.share * this.width);
    const shorten = (words) => shortened(ctx, words, longest);
    this.labels = { queries: queries.map(shorten), keys: keys.map(shorten) };
    const widest = (labels) => Math.max(0, ...labels.map((words) => ctx.measureText(words).width));
    const keyWidth = widest(this.labels.keys);
    size.left = Math.ceil(widest(this.labels.queries)) + 12;
    size.top = Math.ceil(Math.sin(SLANT) * keyWidth + size.font) + 6;
    size.right = Math.ceil(Math.cos(SLANT) * keyWidth) + 4; // the last label leans over the edge
    const room = Math.max(1, this.width - size.left - size.right); // a page that is being built has none
    const fit = Math.min(CELL.largest, room / keys.length, MOST.height / queries.length);
    const small = fit < CELL.readable;
    const closer = small && this.group.closer;
    size.cell = closer ? (isTouch() ? CELL.closerTouch : CELL.closer) : fit;
    size.plotWidth = size.cell * keys.length;
    size.plotHeight = size.cell * queries.length;
    size.seenWidth = Math.min(size.plotWidth, room);
    size.seenHeight = Math.min(size.plotHeight, MOST.height);
    size.width = size.left + size.seenWidth + size.right;
    size.height = size.top + size.seenHeight + LEGEND.height;
    this.zoom.hidden = !small;
    this.zoom.textContent = closer ? this.message.text.whole : this.message.text.closer;
    this.zoom.ariaPressed = String(closer);
    this.stage.classList.toggle("closer", closer);
    const px = (element, width, height) =>
      Object.assign(element.style, { width: `${width}px`, height: `${height}px` });
    const hidden = [size.plotWidth - size.seenWidth, size.plotHeight - size.seenHeight];
    px(this.sheet, size.width + hidden[0], size.height + hidden[1]);
    px(this.window, size.width, size.height);
    this.stage.style.maxHeight = `${size.height + (closer ? 18 : 0)}px`; // and the scroll bar
    for (const canvas of [this.base, this.top]) sized(canvas, size.width, size.height);
    this.scale = this.base.width / size.width;
    this.pooled.hidden = size.cell * this.scale >= 1;
    this.picture = size.cell < CELL.drawn ? this.pixels() : null;
    this.draw();
  }

  // Many small cells are one image; where they are smaller than a dot, the largest one is its colour.
  pixels() {
    const { queries, keys } = this.message;
    const canvas = document.createElement("canvas");
    const dots = (cells) => Math.max(1, Math.min(cells, Math.floor(cells * this.size.cell * this.scale)));
    [canvas.width, canvas.height] = [dots(keys.length), dots(queries.length)];
    const largest = new Float32Array(canvas.width * canvas.height);
    const open = new Uint8Array(largest.length);
    for (let row = 0; row < queries.length; row++)
      for (let key = 0; key < keys.length; key++) {
        const y = Math.floor((row * canvas.height) / queries.length);
        const dot = y * canvas.width + Math.floor((key * canvas.width) / keys.length);
        const value = this.value(row, key);
        if (Math.abs(value) > Math.abs(largest[dot])) largest[dot] = value;
        open[dot] |= this.allowed(row, key);
      }
    const ctx = canvas.getContext("2d");
    const image = ctx.createImageData(canvas.width, canvas.height);
    const colours = Object.fromEntries(Object.entries(this.message.paint).map(([n, c]) => [n, rgba(c)]));
    largest.forEach((value, dot) => {
      const [r, g, b, a] = open[dot] ? colours[value < 0 ? "below" : "above"] : colours.ground;
      image.data.set([r, g, b, Math.round(255 * (open[dot] ? this.strength(value) : a))], 4 * dot);
    });
    ctx.putImageData(image, 0, 0);
    return canvas;
  }

  value(row, key) {
    return this.message.values[row * this.message.keys.length + key];
  }

  // Of the colour: 1 at the end of the scale.
  strength(value) {
    return Math.min(1, Math.abs(value) / this.message.limit);
  }

  allowed(row, key) {
    return !this.message.masked || this.message.mask[row * this.message.keys.length + key] === 1;
  }

  draw() {
    this.drawBase();
    this.drawMarks();
  }

  cleared(canvas) {
    const ctx = canvas.getContext("2d");
    ctx.clearRect(0, 0, this.size.width, this.size.height);
    return ctx;
  }

  drawBase() {
    this.paintBase(this.cleared(this.base));
  }

  drawMarks() {
    this.paintMarks(this.cleared(this.top), this.group.marks(this));
  }

  // Which rows or columns are seen at all, and where each of them begins.
  span(scrolled, seen, count) {
    const { cell } = this.size;
    const first = Math.max(0, Math.floor(scrolled / cell));
    return [first, Math.min(count, Math.ceil((scrolled + seen) / cell))];
  }

  x(key) {
    return this.size.left + key * this.size.cell - this.stage.scrollLeft;
  }

  y(row) {
    return this.size.top + row * this.size.cell - this.stage.scrollTop;
  }

  clipped(ctx, paint) {
    const { left, top, seenWidth, seenHeight } = this.size;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, seenWidth, seenHeight);
    ctx.clip();
    paint();
    ctx.restore();
  }

  paintBase(ctx) {
    const { size, message } = this;
    const rows = this.span(this.stage.scrollTop, size.seenHeight, message.queries.length);
    const keys = this.span(this.stage.scrollLeft, size.seenWidth, message.keys.length);
    this.clipped(ctx, () => (this.picture ? this.paintPicture(ctx) : this.paintCells(ctx, rows, keys)));
    ctx.strokeStyle = this.ink;
    ctx.globalAlpha = 0.3;
    ctx.lineWidth = 1;
    ctx.strokeRect(size.left - 0.5, size.top - 0.5, size.seenWidth + 1, size.seenHeight + 1);
    ctx.globalAlpha = 1;
    const line = LINE * size.font;
    const apart = (room) => Math.ceil(line / room);
    for (let row = rows[0]; row < rows[1]; row++)
      if (row % apart(size.cell) === 0) this.paintQuery(ctx, row);
    for (let key = keys[0]; key < keys[1]; key++)
      if (key % apart(size.cell * Math.sin(SLANT)) === 0) this.paintKey(ctx, key);
    this.paintCorner(ctx);
    this.paintLegend(ctx);
  }

  // Which side looks and which is looked at.
  paintCorner(ctx) {
    const { left, top } = this.size;
    const { queries, keys } = this.message.text;
    Object.assign(ctx, { fillStyle: this.ink, textAlign: "right", textBaseline: "alphabetic" });
    ctx.font = `400 11px ${this.font}`;
    ctx.globalAlpha = 0.72;
    if (top > 40 && left > 40) {
      ctx.fillText(shortened(ctx, `${keys} →`, left - 6), left - 6, top - 20);
      ctx.fillText(shortened(ctx, `${queries} ↓`, left - 6), left - 6, top - 5);
    }
    ctx.globalAlpha = 1;
  }

  paintPicture(ctx) {
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.picture, this.x(0), this.y(0), this.size.plotWidth, this.size.plotHeight);
  }

  paintCells(ctx, rows, keys) {
    const { cell } = this.size;
    const gap = cell >= 9 ? 1 : 0;
    const { paint } = this.message;
    for (let row = rows[0]; row < rows[1]; row++)
      for (let key = keys[0]; key < keys[1]; key++) {
        const box = [this.x(key) + gap / 2, this.y(row) + gap / 2, cell - gap, cell - gap];
        if (!this.allowed(row, key)) {
          hatch(ctx, box, paint);
          continue;
        }
        const value = this.value(row, key);
        const strength = this.strength(value);
        if (strength < 0.002) continue; // half a step of 255: no ink at all
        ctx.globalAlpha = strength;
        ctx.fillStyle = value < 0 ? paint.below : paint.above;
        ctx.fillRect(...box);
        ctx.globalAlpha = 1;
      }
  }

  paintQuery(ctx, row, chosen = false) {
    const { left, top, font, cell, seenHeight } = this.size;
    const y = this.y(row) + cell / 2;
    if (y < top || y > top + seenHeight) return;
    if (chosen && cell < LINE * font) {
      ctx.fillStyle = this.ground; // thinned out: the neighbours' labels would show behind it
      ctx.fillRect(0, y - LINE * font, left - 2, 2 * LINE * font);
    }
    this.paintLabel(ctx, this.labels.queries[row], left - 6, y, 0, chosen, font);
  }

  paintKey(ctx, key, chosen = false) {
    const { left, top, font, cell, seenWidth } = this.size;
    const x = this.x(key) + cell / 2;
    if (x < left || x > left + seenWidth) return;
    if (chosen && cell * Math.sin(SLANT) < LINE * font) {
      ctx.save();
      ctx.translate(x, top - 5);
      ctx.rotate(-SLANT);
      ctx.fillStyle = this.ground;
      ctx.fillRect(0, -LINE * font, top / Math.sin(SLANT), 2 * LINE * font);
      ctx.restore();
    }
    this.paintLabel(ctx, this.labels.keys[key], x, top - 5, -SLANT, chosen, font);
  }

  paintLabel(ctx, words, x, y, angle, chosen, font) {
    ctx.save();
    ctx.translate(x, y);
    if (angle) ctx.rotate(angle);
    ctx.font = `${chosen ? 600 : 400} ${font}px ${this.font}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = angle ? "left" : "right";
    if (chosen) {
      const width = ctx.measureText(words).width + 8;
      ctx.fillStyle = this.ink;
      ctx.beginPath();
      ctx.roundRect(angle ? -4 : 4 - width, -0.65 * font, width, 1.3 * font, 4);
      ctx.fill();
    }
    ctx.fillStyle = chosen ? this.ground : this.ink;
    ctx.fillText(words, 0, 0.5);
    ctx.restore();
  }

  // The scale is the same in every panel, and stands below each.
  paintLegend(ctx) {
    const { message, size } = this;
    const { signed, masked, paint, text } = message;
    const limit = Math.round(100 * message.limit);
    const y = size.height - 7;
    const write = (words, x, align) => {
      Object.assign(ctx, { fillStyle: this.ink, textAlign: align, textBaseline: "middle" });
      ctx.font = `400 11px ${this.font}`;
      ctx.fillText(words, x, y);
      return ctx.measureText(words).width;
    };
    const percent = (number) => fill(signed ? text.points : text.percent, { number });
    let x = 2;
    x += write(signed ? percent(`−${limit}`) : "0", x, "left") + 5;
    for (let dot = 0; dot < LEGEND.bar; dot += 2) {
      const share = (dot + 1) / LEGEND.bar;
      const value = signed ? 2 * share - 1 : share;
      ctx.globalAlpha = Math.abs(value);
      ctx.fillStyle = value < 0 ? paint.below : paint.above;
      ctx.fillRect(x + dot, y - 5, 2, 9);
    }
    ctx.globalAlpha = 1;
    ctx.strokeStyle = paint.hatch;
    ctx.lineWidth = 1;
    ctx.strokeRect(x - 0.5, y - 5.5, LEGEND.bar + 1, 10);
    x += LEGEND.bar + 5;
    x += write(percent(signed ? `+${limit}` : limit), x, "left") + 14;
    if (!masked) return;
    hatch(ctx, [x, y - 5, 10, 10], paint);
    write(shortened(ctx, text.masked, Math.max(0, size.width - x - 16)), x + 15, "left");
  }

  paintMarks(ctx, marks) {
    if (!marks) return;
    const { left, top, cell, seenWidth, seenHeight } = this.size;
    const bands = (indices) => runs(indices).map(([from, to]) => [from, to - from]);
    this.clipped(ctx, () => {
      ctx.strokeStyle = ctx.fillStyle = this.ink;
      ctx.globalAlpha = 0.07;
      for (const [key, count] of bands(marks.keys ?? [])) ctx.fillRect(this.x(key), top, count * cell, seenHeight);
      ctx.globalAlpha = 0.85;
      ctx.lineWidth = 1.5;
      for (const [row, count] of bands(marks.rows))
        ctx.strokeRect(left + 0.75, this.y(row) - 0.25, seenWidth - 1.5, Math.max(3, count * cell + 0.5));
      ctx.globalAlpha = 1;
      ctx.lineWidth = 3;
      for (const [row, rows] of bands(marks.rows))
        for (const [key, keys] of bands(marks.keys ?? []))
          ctx.strokeRect(this.x(key), this.y(row), Math.max(4, keys * cell), Math.max(4, rows * cell));
    });
    for (const row of marks.rows) this.paintQuery(ctx, row, true);
    for (const key of marks.keys ?? []) this.paintKey(ctx, key, true);
  }
}

function hatch(ctx, [x, y, width, height], { ground, hatch }) {
  ctx.fillStyle = ground;
  ctx.fillRect(x, y, width, height);
  ctx.strokeStyle = hatch;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(x + 0.15 * width, y + 0.85 * height);
  ctx.lineTo(x + 0.85 * width, y + 0.15 * height);
  ctx.stroke();
}

// Consecutive indices as [first, behind the last].
function runs(indices) {
  const found = [];
  for (const index of indices)
    if (found.length && found.at(-1)[1] === index) found.at(-1)[1] = index + 1;
    else found.push([index, index + 1]);
  return found;
}

function rgba(colour) {
  const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
  return [r, g, b, a];
}
