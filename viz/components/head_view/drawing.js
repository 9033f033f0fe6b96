// The picture: all lines on the canvas below, the selected rows on the one above.

const FAINT = 5; // of 255: a line of 2 % ink among thousands cannot be seen

class HeadDrawing extends HeadGeometry {
  drawAll(ctx = this.base.getContext("2d")) {
    ctx.clearRect(0, 0, this.sheetWidth, this.height);
    const rows = range(this.message.queries.length);
    if (this.onlyStrongest()) this.alignment(ctx, rows);
    else this.lines(ctx, rows, FAINT, (share) => share, (share) => 0.75 + 2.5 * share);
  }

  // The rows that are selected, or the one under the pointer; all that a hover costs.
  drawRow(ctx = this.top.getContext("2d")) {
    const { queries, keys, text } = this.message;
    ctx.clearRect(0, 0, this.sheetWidth, this.height);
    const rows = this.shownRows();
    this.mark(rows);
    this.root.classList.toggle("has-row", rows.length > 0);
    this.root.classList.toggle("alone", this.on.size === 1);
    this.root.classList.toggle("is-alignment", this.onlyStrongest());
    this.note.hidden = !rows.length || this.hasWeight(rows);
    this.sayHidden(rows);
    if (!rows.length) return;
    if (!this.note.hidden) {
      this.note.textContent = fill(text.nothing, { query: this.named(rows) });
      const at = `${this.places.queries[rows[0]].at}px`;
      Object.assign(this.note.style, this.across ? { left: at, top: "" } : { top: at, left: "" });
    }
    if (this.on.size === 1) this.drawBars(ctx, rows, [...this.on][0]);
    else this.drawStrips(ctx, rows);
    if (this.onlyStrongest()) this.alignment(ctx, rows);
    else {
      this.lines(ctx, rows, 1, (share) => 0.12 + 0.88 * share, (share) => 0.75 + 6 * share);
      if (this.on.size > 1) this.drawNumbers(ctx, rows);
    }
    this.drawPercent(ctx, rows);
    keys.forEach((_, key) => rows.some((row) => this.allowed(row, key)) || this.drawMasked(ctx, key));
  }

  trace(path, [a, b, c, d]) {
    path.moveTo(...a);
    path.bezierCurveTo(...b, ...c, ...d);
  }

  dash(head) {
    return DASHES[Math.floor(head / LIGHT.length) % DASHES.length];
  }

  // Lines of one head and about one weight are one path: strokes are what costs time.
  lines(ctx, rows, faintest, ink, thickness) {
    const nKeys = this.message.keys.length;
    const least = Math.max(this.view.least / 100, faintest / 255);
    ctx.lineCap = "round";
    for (const { head, shift } of this.lanes(this.across ? ACROSS.label : this.rowHeight)) {
      const paths = new Map();
      for (const row of rows)
        for (let key = 0; key < nKeys; key++) {
          if (!this.weightAt(head, row, key)) continue;
          const share = this.share(head, row, key);
          if (share < least) continue;
          const level = Math.min(63, Math.floor(share * 64));
          if (!paths.has(level)) paths.set(level, Save.path(ctx));
          this.trace(paths.get(level), this.curve(row, key, shift));
        }
      ctx.strokeStyle = this.colours[head];
      ctx.setLineDash(this.dash(head));
      for (const [level, path] of [...paths].sort(([a], [b]) => a - b)) {
        const share = (level + 0.5) / 64;
        ctx.globalAlpha = ink(share);
        ctx.lineWidth = thickness(share);
        ctx.stroke(path);
      }
    }
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
  }

  // Each row's strongest key and no other line. To an end mark, which is no word: dashed and grey.
  alignment(ctx, rows) {
    const alone = this.on.size === 1 ? this.colours[[...this.on][0]] : this.accent;
    ctx.lineCap = "round";
    for (const row of rows)
      for (const key of this.strongest(row)) {
        const share = this.total([row], key);
        if (share < this.view.least / 100) continue;
        const mark = this.message.endMarks.includes(key);
        const path = Save.path(ctx);
        this.trace(path, this.curve(row, key, 0));
        ctx.setLineDash(mark ? [3, 6] : []);
        ctx.strokeStyle = mark ? this.ink : alone;
        ctx.globalAlpha = mark ? 0.45 : 0.35 + 0.65 * share;
        ctx.lineWidth = mark ? 1.5 : 1.5 + 4 * share;
        ctx.stroke(path);
      }
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
  }

  // One head: a bar at each key, as long as its weight; the pale track is weight 1.
  drawBars(ctx, rows, head) {
    const width = this.sheetWidth - this.percentWidth - this.right;
    this.message.keys.forEach((_, key) => {
      if (!rows.some((row) => this.allowed(row, key))) return;
      ctx.fillStyle = this.ink;
      ctx.globalAlpha = 0.045;
      ctx.fillRect(...this.bar(key, 1, width));
      const share = this.mean(head, rows, key);
      if (share < this.view.least / 100) return;
      ctx.fillStyle = this.colours[head];
      ctx.globalAlpha = this.dark ? 0.5 : 0.36;
      ctx.fillRect(...this.bar(key, share, width));
    });
    ctx.globalAlpha = 1;
  }

  // Several heads: a strip for each at the key, always at the same place, filled up to its weight.
  drawStrips(ctx, rows) {
    const { heads, keys } = this.message;
    const height = this.across ? ACROSS.bars - 6 : this.rowHeight - 6;
    const strips = heads * this.strip;
    const from = (key) =>
      this.across ? this.places.keys[key].at - strips / 2 : this.sheetWidth - this.percentWidth - this.strips;
    const bottom = (key) =>
      this.across ? this.height - ACROSS.percent : this.places.keys[key].at + height / 2;
    ctx.fillStyle = this.ink;
    ctx.globalAlpha = 0.06;
    keys.forEach((_, key) => {
      if (rows.some((row) => this.allowed(row, key)))
        ctx.fillRect(from(key), bottom(key) - height, strips, height);
    });
    ctx.globalAlpha = 1;
    for (const head of this.on) {
      ctx.fillStyle = this.colours[head];
      keys.forEach((_, key) => {
        const share = this.mean(head, rows, key);
        const filled = height * share;
        if (share < this.view.least / 100 || filled < 0.5) return;
        ctx.fillRect(from(key) + head * this.strip, bottom(key) - filled, this.strip - 1, filled);
      });
    }
  }

  // Each head's number on its strongest line; places that are taken are left out.
  drawNumbers(ctx, rows) {
    const { keys } = this.message;
    const taken = [];
    ctx.font = `700 11px ${this.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (const { head, shift } of this.lanes(this.across ? ACROSS.label : this.rowHeight)) {
      let best = { share: Math.max(0.15, this.view.least / 100) };
      for (const row of rows)
        keys.forEach((_, key) => {
          const share = this.share(head, row, key);
          if (share >= best.share) best = { share, row, key };
        });
      if (best.row === undefined) continue;
      const points = this.curve(best.row, best.key, shift);
      const spot = [0.62, 0.5, 0.74, 0.38, 0.84]
        .map((part) => along(points, part))
        .find(([x, y]) => taken.every(([u, v]) => Math.hypot(x - u, y - v) > 17));
      if (!spot) continue;
      taken.push(spot);
      ctx.beginPath();
      ctx.arc(...spot, 8, 0, 2 * Math.PI);
      ctx.fillStyle = this.colours[head];
      ctx.fill();
      ctx.fillStyle = luminance(this.colours[head]) > 0.2 ? "#101513" : "#ffffff";
      ctx.fillText(String(head + 1), spot[0], spot[1] + 0.5);
    }
  }

  drawPercent(ctx, rows) {
    ctx.font = `600 ${this.across ? 13 : this.fontSize - 2}px ${this.font}`;
    ctx.fillStyle = this.ink;
    ctx.textAlign = this.across ? "center" : "right";
    ctx.textBaseline = "middle";
    this.percents(rows).forEach((percent, key) => {
      if (percent === "0" || percent === "<1") return;
      if (this.total(rows, key) < this.view.least / 100) return;
      const words = fill(this.message.text.percent, { percent });
      const { at } = this.places.keys[key];
      if (this.across) ctx.fillText(words, at, this.height - ACROSS.percent / 2);
      else ctx.fillText(words, this.sheetWidth - 2, at + 0.5);
    });
  }

  drawMasked(ctx, key) {
    const { at } = this.places.keys[key];
    const place = this.across ? [at, ACROSS.label + ACROSS.gap - 6] : [this.right - 7, at];
    ctx.strokeStyle = this.ink;
    ctx.globalAlpha = 0.55;
    ctx.lineWidth = 1.25;
    ctx.beginPath();
    ctx.arc(...place, 3.5, 0, 2 * Math.PI);
    ctx.stroke();
    ctx.globalAlpha = 1;
  }

  mark(rows) {
    const chosen = this.chosen();
    this.items.queries.forEach((item, query) => {
      item.classList.toggle("hovered", query === this.hover);
      item.classList.toggle("pinned", chosen.includes(query));
    });
    this.items.keys.forEach((item, key) =>
      item.classList.toggle("masked", rows.length > 0 && !rows.some((row) => this.allowed(row, key))),
    );
  }

  // What the save buttons keep: titles, words and lines as they stand, scrolled parts in full.
  saved() {
    const { text, caption } = this.message;
    const draw = (ctx, canvas) => (canvas === this.base ? this.drawAll(ctx) : this.drawRow(ctx));
    const parts = this.across ? [this.head, this.sheet, this.keyTitle] : [this.head, this.sheet];
    const title = [this.where_(), this.saidRows()].filter(Boolean).join(" · ");
    return { name: `jumok ${title}`, title: `${text.title} · ${title}`, caption, ...Save.stack(parts, draw) };
  }
}
