// What the head view says: of the selected rows, of what is not drawn, and to those who do not see it.

class HeadWords extends HeadNumbers {
  where_() {
    const { text } = this.message;
    const layer = fill(text.layer, { layer: this.pin.layer + 1 });
    const head =
      this.pin.head === null
        ? fill(text.mean, { count: this.on.size })
        : fill(text.head, { head: this.pin.head + 1 });
    return `${layer} · ${head}`;
  }

  // Several rows: how they are taken together.
  saidRows() {
    const { text } = this.message;
    const rows = this.chosen();
    if (rows.length < 2) return "";
    const how = this.view.rows === "sum" ? text.rows_sum : text.rows_mean;
    return `${fill(text.together, { count: rows.length })} ${how} ${text.rows_end}`;
  }

  named(rows) {
    return rows.map((row) => this.message.queries[row]).join(" + ");
  }

  // The selected rows exactly as Python sent them; other rows are read off the bytes.
  percents(rows) {
    const many = rows.length > 1 && this.view.rows === "sum" ? rows.length : 1;
    return this.message.keys.map((_, key) => inPercent(this.total(rows, key) * many));
  }

  // How much of the attention is not in the picture, and why.
  sayHidden(rows) {
    const { text, keys, queries, first } = this.message;
    const all = rows.length ? rows : range(queries.length);
    let [whole, below, beyond] = [0, 0, 0];
    const least = this.view.least / 100;
    for (const head of this.on)
      for (const row of all) {
        let [drawn, shown] = [0, 0];
        for (let key = 0; key < keys.length; key++) {
          const share = this.share(head, row, key);
          shown += share;
          if (share >= least) drawn += share;
        }
        if (!shown && !this.beyond(head, row)) continue;
        const outside = this.beyond(head, row);
        // Whole steps add up to a little more or less than 1; a row of weights adds up to 1.
        const within = this.isExact([row]) ? shown : 1 - outside;
        whole += within + outside;
        below += Math.max(0, within - drawn);
        beyond += outside;
      }
    const about = this.isExact(all) ? "{share}" : text.about;
    const said = (part) => fill(about, { share: fill(text.percent, { percent: inPercent(part / whole) }) });
    this.hidden.hidden = !least || !whole;
    if (!this.hidden.hidden) {
      const limit = fill(text.percent, { percent: this.view.least });
      this.hidden.textContent = fill(text.hidden, { share: said(below), least: limit });
    }
    const missing = this.pin.rows.length - this.chosen().length;
    const lines = [
      this.message.overview && whole ? fill(text.outside, { share: said(beyond) }) : "",
      missing ? fill(text.elsewhere, { count: missing }) : "",
    ];
    this.outside.textContent = lines.filter(Boolean).join(" ");
    this.outside.hidden = !this.outside.textContent;
  }

  nameLeast() {
    const { text } = this.message;
    this.leastSaid.textContent = fill(text.percent, { percent: this.view.least });
    this.slider.ariaValueText = this.leastSaid.textContent;
  }

  // What the picture shows, for those who do not see it: the strongest keys aloud, all in a table.
  speak() {
    const { text, keys } = this.message;
    const where = this.where_();
    const rows = this.chosen();
    if (!rows.length || !keys.length) {
      this.say(where);
      this.table.replaceChildren();
      return;
    }
    const together = this.saidRows();
    const percents = this.percents(rows).map((percent) => fill(text.percent, { percent }));
    const order = range(keys.length).sort((a, b) => this.total(rows, b) - this.total(rows, a));
    const items = order.slice(0, 5).map((key) => fill(text.item, { key: keys[key], percent: percents[key] }));
    const spoken = this.hasWeight(rows)
      ? fill(text.row, { query: this.named(rows), keys: items.join(", ") })
      : fill(text.nothing, { query: this.named(rows) });
    this.say([where, together, spoken].filter(Boolean).join(" · "));
    const line = (tag, cells) =>
      element("tr", {}, cells.map((words) => element(tag, { textContent: words })));
    const lines = keys.map((words, key) =>
      line("td", [words, rows.some((row) => this.allowed(row, key)) ? percents[key] : text.masked]),
    );
    this.table.replaceChildren(
      element("caption", { textContent: `${where} · ${this.named(rows)}` }),
      line("th", [text.keys, text.weight]),
      ...lines,
    );
  }

  say(words) {
    if (this.live.textContent !== words) this.live.textContent = words;
  }
}
