// What linked panels share: the one cell or row that was chosen in one of them.

// Shared by every panel of the page, whichever script they came with.
const groups = (globalThis.jumokPanels ??= new Map());

class Group {
  constructor() {
    this.panels = new Map();
    this.hover = null; // {name, row, key}; key is null for a whole row
    this.pinned = null;
    this.pins = 0; // how often the page has been told of one
    this.closer = false;
  }

  get chosen() {
    return [this.hover, this.pinned].find((at) => at && this.panels.has(at.name)) ?? null;
  }

  // Rows and columns of one panel that belong to what was chosen in another.
  marks(panel) {
    const at = this.chosen;
    if (!at) return null;
    const source = this.panels.get(at.name).message;
    const link = at.name === panel.name ? { rows: null, keys: null } : source.links[panel.name];
    if (!link) return null;
    const { queries, keys } = panel.message;
    const linked = (to, index, labels) => (to?.[index] ?? (to ? [] : [index])).filter((n) => n < labels.length);
    return {
      from: at,
      words: source,
      rows: linked(link.rows, at.row, queries),
      keys: at.key === null ? null : linked(link.keys, at.key, keys),
    };
  }

  point(at) {
    if (same(at, this.hover)) return;
    this.hover = at;
    this.show();
  }

  pin(at) {
    this.hover = null;
    this.pinned = at;
    this.show();
  }

  show() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      for (const panel of this.panels.values()) panel.refresh();
    });
  }

  zoom() {
    this.closer = !this.closer;
    for (const panel of this.panels.values()) panel.layout();
    this.show();
  }

  spoken() {
    return [...this.panels.values()]
      .sort((a, b) => a.name.localeCompare(b.name))
      .map((panel) => `${panel.message.name}: ${panel.said.textContent}`)
      .join(". ");
  }
}

function same(a, b) {
  return a === b || (a && b && a.name === b.name && a.row === b.row && a.key === b.key);
}
