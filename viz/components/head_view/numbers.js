// The head view's message, and what is read off it: one head's weight, and those of several heads and rows.

const TIE = 0.005; // the strongest keys of a row that are equally strong, as far as whole steps can tell
const WHOLE = 1 - 1e-6;

class HeadNumbers extends View {
  // The body: the weights [layer, head, query, key], the mask [query, key], what goes to keys outside
  // the window [layer, head, query], the small pictures [layer, head, row, column], all of them bytes,
  // and the selected rows as they are, float32 [row, head, 1 + key], the share outside the window in
  // front.
  async read(data) {
    const { header, body } = await unpacked(data);
    let at = 0;
    const take = (count) => new Uint8Array(body).subarray(at, (at += count));
    const [each, nQueries, nKeys] = [header.layers * header.heads, header.queries.length, header.keys.length];
    const weights = take(each * nQueries * nKeys);
    const mask = take(header.masked ? nQueries * nKeys : 0);
    const outside = take(header.overview ? each * nQueries : 0);
    const small = take(header.overview ? each * header.overview[0] * header.overview[1] : 0);
    return { ...header, weights, mask, outside, small, rows: new Float32Array(body.slice(at)) };
  }

  soloed() {
    return this.on.size === 1 && this.message.heads > 1 ? [...this.on][0] : null;
  }

  weightAt(head, query, key) {
    const { heads, queries, keys, weights } = this.message;
    return weights[((this.pin.layer * heads + head) * queries.length + query) * keys.length + key];
  }

  // A weight as a share: exact in the rows that Python sent as they are, else to the nearest step.
  share(head, query, key) {
    const { exact, first, rows, heads, keys, pin } = this.message;
    const at = pin.layer === this.pin.layer ? exact.indexOf(query + first[0]) : -1;
    if (at < 0) return this.weightAt(head, query, key) / 255;
    return rows[(at * heads + head) * (keys.length + 1) + 1 + key];
  }

  // What a row gives to keys that the window does not show.
  beyond(head, query) {
    const { exact, first, rows, heads, keys, queries, pin, overview, outside } = this.message;
    if (!overview) return 0;
    const at = pin.layer === this.pin.layer ? exact.indexOf(query + first[0]) : -1;
    if (at >= 0) return rows[(at * heads + head) * (keys.length + 1)];
    return outside[(this.pin.layer * heads + head) * queries.length + query] / 255;
  }

  isExact(rows) {
    const { exact, first, pin } = this.message;
    return pin.layer === this.pin.layer && rows.every((row) => exact.includes(row + first[0]));
  }

  allowed(query, key) {
    return !this.message.masked || this.message.mask[query * this.message.keys.length + key] === 1;
  }

  // The selected rows that the window shows, counted from its first.
  chosen() {
    const { first, queries } = this.message;
    return this.pin.rows.map((row) => row - first[0]).filter((row) => row >= 0 && row < queries.length);
  }

  shownRows() {
    return this.hover === null ? this.chosen() : [this.hover];
  }

  // One head's weights of some rows: of one row itself, of several the mean.
  mean(head, rows, key) {
    return rows.reduce((sum, row) => sum + this.share(head, row, key), 0) / rows.length;
  }

  total(rows, key) {
    return [...this.on].reduce((sum, head) => sum + this.mean(head, rows, key), 0) / this.on.size;
  }

  // The keys that a row looks at most, with all heads that are on; several if they are equally strong.
  strongest(row) {
    const shares = this.message.keys.map((_, key) => this.total([row], key));
    const most = Math.max(...shares);
    if (!(most > 0)) return [];
    return range(shares.length).filter((key) => shares[key] >= most - TIE && shares[key] > 0);
  }

  onlyStrongest() {
    return this.view.lines === "strongest" && this.message.endMarks !== null;
  }

  hasWeight(rows) {
    const { keys } = this.message;
    const heads = [...this.on];
    return rows.some((row) =>
      heads.some((head) => this.beyond(head, row) || keys.some((_, key) => this.weightAt(head, row, key))),
    );
  }
}

// Whole per cent, and never 0 or 100 for what is not quite that.
function inPercent(share) {
  if (share > 0 && share < 0.005) return "<1";
  if (share > 0.995 && share < WHOLE) return ">99";
  return String(Math.round(100 * share));
}
