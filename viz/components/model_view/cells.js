// The model view's message, and what is read off it: heads, their cells, and what these are called.

const WINDOWS = [64, 32, 16, 8]; // tokens; before them the whole map
const EVERYTHING = 201; // half per cents: see `percent_steps`

class ModelCells extends View {
  // The body: for each kind the weights [layer, head, row, column], the places of the blocks' maxima
  // where there are blocks, and the mask [row, column]; where there are blocks, the selected head
  // [query, key] and its mask.
  async read(data) {
    const { header, body } = await unpacked(data);
    let at = 0;
    const take = (size) => new Uint8Array(body).subarray(at, (at += size));
    for (const section of header.sections) {
      const size = section.layers * section.heads * section.rows * section.columns;
      section.weights = take(size);
      section.places = section.step > 1 ? take(size) : null;
      section.mask = take(section.rows * section.columns);
    }
    if (header.window) {
      const section = header.sections.find(({ kind }) => kind === header.window.kind);
      const size = section.queries.length * section.keys.length;
      header.window = { ...header.window, weights: take(size), mask: take(size) };
    }
    return header;
  }

  // The tile that is enlarged: pointed at, else come to by keyboard, else selected.
  shown() {
    return this.hover ?? this.active ?? this.selected();
  }

  selected() {
    const { kind, layer, head } = this.chosen;
    const found = this.tiles.find((t) => t.section.kind === kind && t.layer === layer && t.head === head);
    const section = this.message.sections.find((one) => one.kind === kind);
    return found ?? (section ? { section, layer, head, value: "", pale: false } : null);
  }

  // The windows that are smaller than the map.
  windows() {
    const { queries, keys } = this.shown()?.section ?? { queries: [], keys: [] };
    return WINDOWS.filter((size) => size < Math.max(queries.length, keys.length));
  }

  // A thumbnail's place in the cells of the enlarged map, which may be finer.
  cellAt(tile, across, down) {
    const { rows, columns, step } = tile.section;
    const cells = cellsOf(this.message, tile);
    const at = (part, size, most) => Math.min(most - 1, Math.floor((part * size * step) / cells.step));
    return { row: at(down, rows, cells.rows), column: at(across, columns, cells.columns) };
  }

  // Where to look while nobody points: the pinned row's strongest cell, else the head's.
  resting(tile, { weights, rows, columns, step }) {
    const { kind, query } = this.chosen;
    const pinned = kind === tile.section.kind && query !== null && query < tile.section.queries.length;
    const row = pinned ? Math.min(rows - 1, Math.floor(query / step)) : null;
    const part = pinned ? weights.subarray(row * columns, (row + 1) * columns) : weights;
    const at = part.indexOf(largest(part)) + (pinned ? row * columns : 0);
    return { row: Math.floor(at / columns), column: at % columns };
  }

  // The tokens of a cell: of a block those of its largest weight.
  named({ places, columns, step }, { row, column }) {
    const place = places ? places[row * columns + column] : 0;
    return { query: row * step + Math.floor(place / step), key: column * step + (place % step) };
  }

  nameOf({ section, layer, head }) {
    return fill(this.message.text.name, { kind: section.name, layer: layer + 1, head: head + 1 });
  }

  pair(tile, cells, cell) {
    const { query, key } = this.named(cells, cell);
    return { query: tile.section.queries[query], key: tile.section.keys[key], percent: this.written(cells, cell) };
  }

  written(cells, { row, column }) {
    const at = row * cells.columns + column;
    if (!cells.mask[at]) return this.message.text.masked_cell;
    return fill(this.message.text.percent, { percent: percent(cells.weights[at]) });
  }
}

// One head's cells: blocks of step × step tokens, or the tokens themselves.
function cellsOf(message, { section, layer, head }) {
  const { window } = message;
  if (window && window.kind === section.kind && window.layer === layer && window.head === head) {
    const { weights, mask } = window;
    return { weights, mask, places: null, rows: section.queries.length, columns: section.keys.length, step: 1 };
  }
  const { rows, columns, step, mask } = section;
  const from = (layer * section.heads + head) * rows * columns;
  const cut = (bytes) => bytes?.subarray(from, from + rows * columns) ?? null;
  return { weights: cut(section.weights), places: cut(section.places), mask, rows, columns, step };
}

// Half per cents as a share, and as what is written; whole per cents are exact.
function share(step) {
  if (step === 0 || step === EVERYTHING) return step ? 1 : 0;
  return (step / 2 - 0.25) / 100;
}

function percent(step) {
  if (step === 1 || step === EVERYTHING - 1) return step === 1 ? "<1" : ">99";
  return String(step >> 1);
}

function largest(bytes) {
  let most = 0;
  for (const byte of bytes) if (byte > most) most = byte;
  return most;
}

// Where the largest few stand, largest first.
function strongest(bytes, count) {
  const found = [];
  for (let at = 0; at < bytes.length; at++) {
    if (!bytes[at] || (found.length === count && bytes[at] <= bytes[found[count - 1]])) continue;
    const before = found.findIndex((other) => bytes[other] < bytes[at]);
    found.splice(before < 0 ? found.length : before, 0, at);
    found.length = Math.min(found.length, count);
  }
  return found;
}
