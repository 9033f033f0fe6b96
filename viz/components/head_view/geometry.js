// Where everything stands: words down the page or across it, heads' colours, lines between the words.

const LIGHT = ["#0b69b7", "#d55e00", "#73247b", "#3da354", "#3e21ce", "#c477a8", "#075050", "#694a2f"];
const DARK = ["#4aa3f0", "#f58a3c", "#e5b8f0", "#18a878", "#fbce0d", "#8a8bf5", "#ee4fb4", "#cae091"];
// Eight colours are what eyes keep apart; the next eight heads have them again, with other lines.
const DASHES = [[], [7, 5], [2, 4], [9, 3, 2, 3]];
const ROW = { highest: 34, lowest: 20, lowestTouch: 30, sheet: 520 };
const ACROSS = { label: 32, gap: 230, bars: 46, percent: 20, spread: 26 };
const GAP_MAX = 440;
const STRIPS_MAX = 64;

class HeadGeometry extends HeadWords {
  layout() {
    this.readTheme();
    this.width = this.root.clientWidth;
    this.narrow = this.width < 480;
    const ctx = this.top.getContext("2d");
    const ruler = (size) => {
      const font = `600 ${size}px ${this.font}`;
      return (words) => ((ctx.font = font), ctx.measureText(words).width);
    };
    if (this.view.layout === "across") this.layoutAcross(ruler);
    else this.layoutDown(ruler);
    for (const [name, value] of Object.entries({
      "--row": this.rowHeight,
      "--size": this.fontSize,
      "--left": this.left,
      "--right": this.keyWidth,
      "--numbers": this.strips + this.percentWidth,
      "--percent": this.percentWidth,
      "--plot": this.plotWidth,
      "--height": this.height,
      "--sheet": this.across ? this.wide : 0,
      "--label": ACROSS.label,
      "--keys-at": ACROSS.label + ACROSS.gap,
    }))
      this.root.style.setProperty(name, `${value}px`);
    // A scroll bar takes its width from the sheet.
    this.sheetWidth = this.sheet.clientWidth;
    this.right = this.sheetWidth - this.keyWidth;
    for (const canvas of [this.base, this.top]) sized(canvas, this.sheetWidth, this.height);
    this.drawAll();
    this.refresh();
  }

  // One word below the other: rows of one height, wide enough for the longest word.
  layoutDown(ruler) {
    const { queries, keys, heads } = this.message;
    const rows = Math.max(queries.length, keys.length, 1);
    const lowest = isTouch() ? ROW.lowestTouch : ROW.lowest;
    this.across = false;
    this.rowHeight = Math.max(lowest, Math.min(ROW.highest, Math.floor(ROW.sheet / rows)));
    this.fontSize = this.rowHeight >= 30 && !this.narrow ? 16 : this.rowHeight >= 25 ? 15 : 14;
    const widest = (labels) => Math.max(0, ...labels.map(ruler(this.fontSize)));
    const [queryWidth, keyWidth] = [widest(queries), widest(keys)];
    this.strip = Math.min(this.narrow ? 4 : 7, STRIPS_MAX / Math.max(1, heads));
    this.strips = heads > 1 ? heads * this.strip + 4 : 0;
    this.percentWidth = 8 + ruler(this.fontSize - 2)(fill(this.message.text.percent, { percent: ">99" }));
    this.left = Math.min(queryWidth + 26, 0.32 * this.width);
    this.keyWidth = Math.min(keyWidth + 16 + this.strips + this.percentWidth, 0.5 * this.width);
    this.plotWidth = Math.floor(Math.min(this.width, this.left + this.keyWidth + GAP_MAX));
    this.height = rows * this.rowHeight;
    const place = (_, i) => ({ at: (i + 0.5) * this.rowHeight, size: this.rowHeight });
    this.places = { queries: queries.map(place), keys: keys.map(place) };
  }

  // Side by side, as one reads: each word is as wide as it is, so that no two touch; what is wider
  // than the page scrolls in its own box.
  layoutAcross(ruler) {
    const { queries, keys, heads } = this.message;
    this.across = true;
    this.fontSize = 15;
    this.rowHeight = ACROSS.label;
    const percentWidth = ruler(13)(fill(this.message.text.percent, { percent: ">99" }));
    this.strip = Math.max(2, Math.min(7, (percentWidth + 4) / Math.max(1, heads)));
    const least = Math.max(percentWidth + 8, heads > 1 ? heads * this.strip + 8 : 0);
    const measure = ruler(this.fontSize);
    const sizes = (labels) => labels.map((words) => Math.max(measure(words) + 20, least));
    const [forQueries, forKeys] = [sizes(queries), sizes(keys)];
    const total = (all) => all.reduce((sum, size) => sum + size, 0);
    const most = Math.max(total(forQueries), total(forKeys), 1);
    const words = Math.max(queries.length, keys.length, 1);
    const spread = Math.max(0, Math.min(ACROSS.spread, (this.width - most) / words));
    const places = (all) => {
      let from = 0;
      return all.map((size) => ({ at: (from += size + spread) - (size + spread) / 2, size: size + spread }));
    };
    this.places = { queries: places(forQueries), keys: places(forKeys) };
    this.wide = Math.ceil(most + spread * words);
    this.left = this.keyWidth = this.percentWidth = this.strips = 0;
    this.plotWidth = this.width;
    this.height = 2 * ACROSS.label + ACROSS.gap + ACROSS.bars + ACROSS.percent;
    for (const side of ["queries", "keys"])
      this.items[side].forEach((item, i) => (item.style.width = `${this.places[side][i].size}px`));
  }

  readTheme() {
    Object.assign(this, themeOf(this.root));
    const palette = this.dark ? DARK : LIGHT;
    this.colours = range(this.message.heads).map((head) => palette[head % palette.length]);
    this.chips.forEach((chip, head) => {
      chip.style.setProperty("--colour", this.colours[head]);
      chip.style.setProperty("--on-colour", luminance(this.colours[head]) > 0.2 ? "#101513" : "#ffffff");
    });
  }

  // Each head has a lane of its own in every row, so that equal weights do not hide each other.
  lanes(size) {
    const heads = [...this.on].sort((a, b) => a - b);
    const height = (size - 8) / heads.length;
    return heads.map((head, i) => ({ head, shift: (i + 0.5 - heads.length / 2) * height }));
  }

  // From a query to a key: four points of a Bézier curve.
  curve(row, key, shift) {
    const from = this.places.queries[row].at + shift * 0.3;
    const to = this.places.keys[key].at + shift;
    const [start, end] = this.across
      ? [ACROSS.label + 2, ACROSS.label + ACROSS.gap - 4]
      : [this.left + 4, this.right - 6];
    const bend = (end - start) * 0.45;
    const points = [[start, from], [start + bend, from], [end - bend, to], [end, to]];
    return this.across ? points.map(([x, y]) => [y, x]) : points;
  }

  // Where the bars of the keys stand: behind the words, or below them.
  bar(key, share, width) {
    const { at, size } = this.places.keys[key];
    if (!this.across) {
      const height = this.rowHeight - 6;
      return [this.right, at - height / 2, width * share, height];
    }
    const [base, thick] = [this.height - ACROSS.percent, Math.min(26, size - 10)];
    const tall = (ACROSS.bars - 6) * share;
    return [at - thick / 2, base - tall, thick, tall];
  }

  rowAt(x, y) {
    const across = this.view.layout === "across";
    const [along, beside] = across ? [x, y] : [y, x];
    const edge = across ? ACROSS.label : this.left;
    if (beside < 0 || beside >= edge + 16) return null;
    const row = this.places.queries.findIndex(({ at, size }) => Math.abs(along - at) <= size / 2);
    return row < 0 ? null : row;
  }
}

// A point of a Bézier curve.
function along([a, b, c, d], part) {
  const rest = 1 - part;
  const weights = [rest ** 3, 3 * rest ** 2 * part, 3 * rest * part ** 2, part ** 3];
  return [0, 1].map((axis) => [a, b, c, d].reduce((sum, point, i) => sum + weights[i] * point[axis], 0));
}
