// The neuron view's message, the dimensions in their order, and every number in words.

class NeuronNumbers extends View {
  // The body: float32 arrays, named and counted in the header.
  async read(data) {
    const { header, body } = await unpacked(data);
    const numbers = new Float32Array(body);
    let at = 0;
    for (const [name, count] of header.arrays) header[name] = numbers.subarray(at, (at += count));
    return header;
  }

  product(key, dimension) {
    return this.message.products[key * this.message.d_k + dimension];
  }

  // The dimensions from left to right.
  sort() {
    const { d_k, by_spread } = this.message;
    const { order, key } = this.place;
    if (order === "spread") return [...by_spread];
    const dimensions = range(d_k);
    if (order === "model") return dimensions;
    return dimensions.sort((a, b) => Math.abs(this.product(key, b)) - Math.abs(this.product(key, a)) || a - b);
  }

  limit(name) {
    return this.message.limits[this.place.colours][name] || 1;
  }

  sayRead() {
    const { text } = this.message;
    this.readout.textContent = this.pointed ? this.reading(this.pointed) : text.readout;
  }

  reading({ key, column, layer, head }) {
    const { message } = this;
    const { text, keys, q, k, d_k, all_scores, all_scaled, all_weights, heads } = message;
    if (layer !== undefined) {
      const at = layer * heads + head;
      return fill(text.read_head, {
        layer: layer + 1,
        head: head + 1,
        score: written(all_scores[at]),
        scaled: written(all_scaled[at]),
        weight: written(all_weights[at]),
      });
    }
    if (column === undefined) return this.reads(key);
    const dimension = this.dimensions[column];
    return fill(text.read_cell, {
      key: keys[key],
      dimension: dimension + 1,
      q: written(q[dimension]),
      k: written(k[key * d_k + dimension]),
      product: written(this.product(key, dimension)),
      spread: written(message.spread[dimension]),
    });
  }

  // From the products to the weight, for one key.
  reads(key) {
    const { text, keys, scores, scaled, weights, mask, exp, top, total, d_k } = this.message;
    return fill(mask[key] === 1 ? text.read_key : text.read_masked, {
      key: keys[key],
      score: written(scores[key]),
      root: written(Math.fround(Math.sqrt(d_k))),
      d_k,
      scaled: written(scaled[key]),
      top: written(top),
      exp: written(exp[key]),
      total: written(total),
      weight: written(weights[key]),
    });
  }

  speak() {
    const { text, query, keys, scores, scaled, weights, mask } = this.message;
    const { key } = this.place;
    this.sum.textContent = this.reads(key);
    this.gridTitle.textContent = fill(text.everywhere, { query, key: keys[key] });
    const cell = this.pointed?.column === undefined ? "" : ` ${this.reading(this.pointed)}`;
    const words = `${this.reads(key)}${cell}`;
    if (this.live.textContent !== words) this.live.textContent = words;
    const line = (tag, cells) =>
      element("tr", {}, cells.map((cell) => element(tag, { textContent: cell })));
    this.table.replaceChildren(
      element("caption", { textContent: query }),
      line("th", [text.key, "q · k", "÷ √dₖ", text.weight]),
      ...keys.map((label, n) =>
        line("td", [label, written(scores[n]), written(scaled[n]), mask[n] === 1 ? written(weights[n]) : text.masked]),
      ),
    );
  }
}

// As viz/numbers.py writes it: four significant digits, never 0.00 for what is not zero.
function written(value) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const [digits, exponent] = value.toExponential(3).split("e");
  const trimmed = (number) => (number.includes(".") ? number.replace(/\.?0+$/, "") : number);
  const small = Number(exponent);
  if (small < -6 || small >= 6) return `${trimmed(digits)}e${small}`.replaceAll("-", "−");
  const places = Math.max(0, 3 - small);
  const grouped = value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  return trimmed(grouped).replaceAll("-", "−");
}
