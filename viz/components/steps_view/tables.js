// The same numbers, written out: a line, a list of products, a table.

const TABLE = { rows: 12, columns: 10 };

class StepsTables extends StepsEquations {
  // The chosen cell's calculation in one line, with its real numbers.
  inNumbers() {
    const { stages, arrays, queries, keys, text, pre } = this.message;
    const { query } = this.place;
    const key = this.keyNow();
    const read = (name, row, column) => {
      const { values, columns } = arrays[name];
      return values[row * columns + Math.min(column, columns - 1)];
    };
    const plain = (name, row, column) => number(read(name, row, column));
    const at = (name, row, column) => bracket(plain(name, row, column));
    const pair = (name) => at(name, query, key);
    const last = arrays[["x", "q", "q", "q", "q", "q", "v", "context", "v", "out"][this.place.stage]].columns - 1;
    const d = Math.min(this.dimension, last);
    const slot = this.slot ?? this.message.head * arrays.v.columns + d;
    const index = `<sub>${d + 1}</sub>`;
    const from = `<b>${escaped(queries[query])}</b>`;
    const to = `${from} → <b>${escaped(keys[key])}</b>`;
    const root = number(Math.sqrt(arrays.q.columns));
    const list = (products) =>
      products.length < 4 ? products.join(" + ") : `${products[0]} + ${products[1]} + … + ${products.at(-1)}`;
    const answer = (value) => `<em>${value}</em>`;
    const x = pre
      ? `${at("before", query, d)} &nbsp;LayerNorm →&nbsp; ${answer(`x${index} = ${plain("x", query, d)}`)}`
      : answer(`x${index} = ${plain("x", query, d)}`);
    const sum = (count) => fill(text.sum_of, { count });
    const lines = {
      input: () =>
        arrays.word ? `${from}: ${at("word", query, d)} + ${at("position", query, d)} = ${x}` : `${from}: ${x}`,
      project: () =>
        `${from}: q${index} = ${sum(arrays.x.columns)} + ${at("b_q", 0, d)} = ${answer(plain("q", query, d))}`,
      scores: () => {
        const products = [...arrays.q.values.subarray(query * arrays.q.columns, (query + 1) * arrays.q.columns)];
        const terms = products.map((_, i) => `${at("q", query, i)}×${at("k", key, i)}`);
        return `${to}: q · k = ${list(terms)} = ${answer(plain("scores", query, key))}`;
      },
      scale: () =>
        `${to}: ${pair("scores")} ÷ √${arrays.q.columns} = ` +
        `${pair("scores")} ÷ ${root} = ${answer(plain("scaled", query, key))}`,
      mask: () =>
        read("masked", query, key) === -Infinity
          ? `${to}: ${pair("scaled")} → ${answer("−∞")} &nbsp;${escaped(text.masked)}`
          : `${to}: ${pair("scaled")} → ${answer(plain("masked", query, key))} &nbsp;${escaped(text.open)}`,
      softmax: () =>
        `${to}: e<sup>${pair("masked")} − ${at("top", 0, query)}</sup> = ${pair("exp")}, &nbsp;` +
        `${pair("exp")} ÷ ${divisor(read("exp", query, key), read("total", 0, query))} = ` +
        answer(plain("weights", query, key)),
      weigh: () => {
        const product = number(this.weighted().values[key * arrays.v.columns + d]);
        return `${to}: ${pair("weights")} × v${index} = ${pair("weights")} × ${at("v", key, d)} = ${answer(product)}`;
      },
      context: () => {
        const share = (j) => read("weights", query, j);
        const heaviest = range(keys.length).sort((i, j) => share(j) - share(i));
        const terms = heaviest.map((j) => `${at("weights", query, j)}×${at("v", j, d)}`);
        return `${from}: z${index} = ${list(terms)} = ${answer(plain("context", query, d))}`;
      },
      concat: () => `${from}: ${escaped(this.label("slot", slot))} = ${answer(plain("concat", query, slot))}`,
      output: () =>
        `${from}: Out${index} = ${sum(arrays.w_o.rows)} + ${at("b_o", 0, d)} = ${answer(plain("out", query, d))}`,
    };
    return lines[stages[this.place.stage]]();
  }

  // One score, multiplication by multiplication.
  drawProducts() {
    const following = this.message.stages[this.place.stage] === "scores" && this.place.form === "row";
    this.multiplied.hidden = !following;
    if (!following) return;
    const [q, k, products] = [this.row("q").values, this.row("k").values, this.products().values];
    const sums = running({ values: products }).values;
    const items = [...products].map((product, d) => {
      const item = element("li", { title: `${this.message.text.running}: ${number(sums[d])}` });
      item.append(`${number(q[d])} × ${bracket(number(k[d]))} = `, element("b", { textContent: number(product) }));
      return item;
    });
    const { weights, scores } = this.message.arrays;
    const score = scores.values[this.place.query * weights.columns + this.keyNow()];
    const sum = element("li", { className: "sum" });
    sum.append("Σ = ", element("b", { textContent: number(score) }));
    this.multiplied.replaceChildren(...items, sum);
  }

  drawTable() {
    const { caption, head, rows, moves } = this.place.form === "row" ? this.rowTable() : this.matrixTable();
    const line = (tag, cells) => element("tr", {}, cells.map((cell) => element(tag, { textContent: cell })));
    const body = rows.map(([name, ...cells]) => {
      const row = line("td", cells);
      row.prepend(element("th", { textContent: name, scope: "row" }));
      return row;
    });
    const titled = element("caption", { textContent: caption });
    const table = element("table", {}, [titled, line("th", head), ...body]);
    this.table.replaceChildren(...(moves ?? []), element("div", { className: "scroller" }, [table]));
  }

  // The single-query form: what one row went through, a line for each key or dimension.
  rowTable() {
    const { text, stages, arrays, queries, keys, pre } = this.message;
    const stage = stages[this.place.stage];
    const d = Math.min(this.dimension, arrays.v.columns - 1);
    const column = ({ values, rows, columns }) =>
      ({ rows, columns: 1, values: values.filter((_, i) => i % columns === d) });
    const across = (name) => [this.plain(name), this.row(name)];
    const down = (name, matrix) => [`${name}${subscript(d + 1)}`, column(matrix)];
    const columns = {
      input: () => [...(arrays.word ? ["word", "position"] : []), ...(pre ? ["before"] : []), "x"].map(across),
      project: () => ["q", "k", "v"].map(across),
      scores: () => [across("q"), across("k"), ["q × k", this.products()], [text.running, running(this.products())]],
      scale: () => ["scores", "scaled"].map(across),
      mask: () => ["scaled", "masked"].map(across),
      softmax: () => ["masked", "exp", "weights"].map(across),
      weigh: () => [across("weights"), down("v", arrays.v), down("a × v", this.weighted())],
      context: () => [across("context")],
      concat: () => [across("concat")],
      output: () => [["b", this.matrix("b_o")], across("out")],
    }[stage]();
    const ofKeys = ["scale", "mask", "softmax", "weigh"].includes(stage);
    const length = Math.max(...columns.map(([, { values }]) => values.length));
    const names = ofKeys ? keys : range(length).map((i) => this.label(stage === "concat" ? "slot" : "dimension", i));
    const cell = ({ values }, i) => (i < values.length ? this.value({ values, columns: 1 }, i, 0) : "");
    const rows = names.map((name, i) => [name, ...columns.map(([, matrix]) => cell(matrix, i))]);
    const caption = `${this.place.stage + 1} · ${text[`${stage}_title`]} · ${queries[this.place.query]}`;
    return { caption, head: [ofKeys ? text.key : text.dimension, ...columns.map(([name]) => name)], rows };
  }

  // The matrix form: a window of the chosen picture's matrix, moved by its buttons.
  matrixTable() {
    const { text } = this.message;
    const picture = this.chosen;
    const { matrix, rowsAre, columnsAre } = picture;
    if (this.window?.name !== picture.name) this.window = { name: picture.name, ...this.around(picture) };
    const fit = (start, size, count) => Math.max(0, Math.min(start, count - size));
    const row = (this.window.row = fit(this.window.row, TABLE.rows, matrix.rows));
    const column = (this.window.column = fit(this.window.column, TABLE.columns, matrix.columns));
    const rows = range(Math.min(TABLE.rows, matrix.rows)).map((i) => i + row);
    const columns = range(Math.min(TABLE.columns, matrix.columns)).map((i) => i + column);
    const move = (sign, change, more) =>
      element("button", {
        type: "button", className: "nudge", textContent: sign, disabled: !more, ariaLabel: text[change.says],
        onclick: () => {
          Object.assign(this.window, change.to);
          this.drawTable();
        },
      });
    const moves = element("div", { className: "moves" }, [
      move("↑", { says: "rows_before", to: { row: row - TABLE.rows } }, row > 0),
      move("↓", { says: "rows_after", to: { row: row + TABLE.rows } }, row + TABLE.rows < matrix.rows),
      move("←", { says: "columns_before", to: { column: column - TABLE.columns } }, column > 0),
      move(
        "→",
        { says: "columns_after", to: { column: column + TABLE.columns } },
        column + TABLE.columns < matrix.columns,
      ),
    ]);
    const shown = (list, count) => `${list[0] + 1}–${list.at(-1) + 1} / ${count}`;
    const seen = { rows: shown(rows, matrix.rows), columns: shown(columns, matrix.columns) };
    const name = (axis, i) => (axis ? this.label(axis, i, picture) : String(i + 1));
    return {
      caption: `${picture.plain} · ${fill(text.window, seen)}`,
      head: ["", ...columns.map((j) => name(columnsAre, j))],
      rows: rows.map((i) => [name(rowsAre, i), ...columns.map((j) => this.value(matrix, i, j))]),
      moves: [moves],
    };
  }

  around({ rowsAre, columnsAre }) {
    const row = rowsAre === "query" ? this.place.query : rowsAre === "key" ? this.keyNow() : 0;
    const column = columnsAre === "key" ? this.keyNow() : 0;
    return { row: row - TABLE.rows / 2, column: column - TABLE.columns / 2 };
  }
}
