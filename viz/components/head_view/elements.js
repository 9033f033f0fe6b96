// What the head view is made of, and the state of its buttons.

class HeadElements extends HeadDrawing {
  build(parent) {
    const make = (tag, className, children = []) => element(tag, { className }, children);
    this.layers = element("div", { className: "group layers", role: "group" });
    this.heads = element("div", { className: "group heads", role: "group" });
    this.options = make("div", "options");
    this.player = element("button", { type: "button", className: "play", onclick: () => this.play() });
    this.slider = element("input", { type: "range", className: "least", min: 0, max: 50, step: 1 });
    this.leastSaid = make("output", "least-said");
    this.save = Save.buttons(() => this.saved());
    this.titles = { query: make("span", "title"), key: make("span", "title"), mean: make("span", "mean") };
    this.base = element("canvas", { className: "base", ariaHidden: "true" });
    this.top = element("canvas", { className: "top", ariaHidden: "true" });
    this.queries = element("ul", { className: "labels queries", role: "listbox", tabIndex: 0 });
    this.queries.setAttribute("aria-multiselectable", "true");
    this.keys = element("ol", { className: "labels keys", ariaHidden: "true" });
    this.note = make("p", "note");
    this.sheet = make("div", "sheet", [this.base, this.top, this.queries, this.keys, this.note]);
    this.scroller = make("div", "scroller", [this.sheet]);
    this.keyTitle = make("span", "key-title", [this.titles.key, this.titles.mean]);
    this.head = make("div", "titles", [this.titles.query, this.keyTitle]);
    this.plot = make("div", "plot", [this.head, this.scroller]);
    this.thumb = element("canvas", { tabIndex: 0, role: "img" });
    this.where = make("p", "where");
    this.zoomGroup = element("div", { className: "group zoom", role: "group" });
    this.overview = make("div", "overview", [this.thumb, make("div", "beside", [this.where, this.zoomGroup])]);
    this.together = element("div", { className: "group together", role: "group" });
    this.hidden = make("p", "hidden-share");
    this.outside = make("p", "outside-share");
    this.empty = make("p", "empty");
    this.legend = make("p", "legend");
    this.aligned = make("p", "aligned");
    this.hint = make("p", "hint");
    this.help = element("p", { className: "unseen", id: "help" });
    this.live = element("p", { className: "unseen live", ariaLive: "polite" });
    this.table = make("table", "unseen");
    const controls = make("div", "controls", [this.layers, this.heads]);
    const said = [this.hidden, this.outside, this.legend, this.aligned, this.hint];
    const parts = [this.options, this.overview, this.together, this.plot, this.empty, ...said];
    this.root = element("section", { className: "view head-view" }, [
      controls, ...parts, this.help, this.live, this.table,
    ]);
    this.queries.setAttribute("aria-describedby", "help");
    parent.appendChild(this.root);
  }

  buildControls() {
    const { layers, heads, text, endMarks, sizes } = this.message;
    this.root.ariaLabel = text.title;
    this.layers.ariaLabel = text.layers;
    this.heads.ariaLabel = text.heads;
    const caption = (words) => element("span", { className: "caption", textContent: words });
    this.layerButtons = range(layers).map((layer) =>
      element("button", {
        type: "button",
        textContent: layer + 1,
        ariaLabel: fill(text.layer, { layer: layer + 1 }),
        onclick: () => {
          this.stop();
          this.select({ layer });
        },
      }),
    );
    this.chips = range(heads).map((head) =>
      element("button", {
        type: "button",
        className: `chip kind${Math.floor(head / LIGHT.length) % DASHES.length}`,
        textContent: head + 1,
        ariaLabel: fill(text.head, { head: head + 1 }),
        onclick: (event) => this.clickHead(event, head),
      }),
    );
    this.all = element("button", {
      type: "button",
      className: "all",
      textContent: text.all_heads,
      onclick: () => this.allHeads(),
    });
    const segments = element("div", { className: "segments" }, this.layerButtons);
    this.player.hidden = layers < 2;
    this.layers.replaceChildren(caption(text.layers), segments, this.player);
    this.heads.replaceChildren(caption(text.heads), ...this.chips, this.all);
    this.namePlay();

    this.switches = {
      layout: this.switch("layout", { down: text.down, across: text.across }),
      lines: this.switch("lines", { all: text.every_line, strongest: text.strongest }),
      rows: this.switch("rows", { mean: text.rows_mean, sum: text.rows_sum }),
    };
    const group = (words, name, parts) => {
      const made = element("div", { className: `group ${name}`, role: "group", ariaLabel: words });
      made.append(caption(words), ...parts);
      return made;
    };
    const least = element("label", { className: "group" }, [caption(text.least), this.slider, this.leastSaid]);
    this.options.replaceChildren(
      group(text.layout, "layout", [this.switches.layout]),
      least,
      ...(endMarks ? [group(text.lines, "lines", [this.switches.lines])] : []),
      ...(this.message.save ? [this.save.root] : []),
    );
    if (this.message.save) this.save.say(this.message.save);
    this.counted = element("span", { className: "caption" });
    this.together.replaceChildren(this.counted, this.switches.rows, caption(text.rows_end));
    this.zooms = sizes.map((size) =>
      element("button", { type: "button", textContent: size, onclick: () => this.zoom(size) }),
    );
    this.zoomGroup.ariaLabel = text.zoom;
    this.zoomGroup.replaceChildren(caption(text.zoom), element("div", { className: "segments" }, this.zooms));
    this.thumb.ariaLabel = text.overview;
  }

  // A row of buttons for one setting of the view.
  switch(name, options) {
    const made = element("div", { className: `segments ${name}-switch` });
    for (const [value, words] of Object.entries(options)) {
      const button = element("button", { type: "button", textContent: words, value });
      button.onclick = () => this.view[name] !== value && this.change({ [name]: value });
      made.append(button);
    }
    return made;
  }

  buildLabels() {
    const { queries, keys, text, masked, first } = this.message;
    const across = this.view.layout === "across";
    const label = (words) => element("span", { textContent: words, title: words, dir: "auto" });
    this.items = {
      queries: queries.map((words, i) =>
        element("li", { role: "option", id: `q${first[0] + i}` }, [label(words)]),
      ),
      keys: keys.map((words) => element("li", {}, [label(words)])),
    };
    this.queries.replaceChildren(...this.items.queries);
    this.keys.replaceChildren(...this.items.keys);
    this.queries.ariaLabel = text.queries;
    this.queries.ariaOrientation = across ? "horizontal" : "vertical";
    this.titles.query.textContent = text.queries;
    this.titles.key.textContent = text.keys;
    this.legend.textContent = text.masked;
    this.legend.hidden = !masked;
    this.aligned.textContent = text.aligned;
    this.hint.textContent = text.hint;
    this.help.textContent = across ? text.help_across : text.help;
    this.empty.textContent = text.empty;
    const nothing = !queries.length || !keys.length;
    this.root.classList.toggle("is-empty", nothing);
    this.root.classList.toggle("across", across);
    // Across the page the keys' title stands below, beside the keys.
    (across ? this.plot : this.head).append(this.keyTitle);
  }

  namePlay() {
    const { text } = this.message;
    const name = this.still.matches ? text.next_layer : this.playing ? text.pause : text.play;
    this.player.textContent = this.still.matches ? "▸" : this.playing ? "⏸" : "▶";
    this.player.title = this.player.ariaLabel = name;
    pressed(this.player, Boolean(this.playing));
  }

  refresh() {
    const { text, heads } = this.message;
    this.layerButtons.forEach((button, layer) => pressed(button, layer === this.pin.layer));
    this.chips.forEach((chip, head) => pressed(chip, this.on.has(head)));
    pressed(this.all, this.on.size === heads);
    for (const [name, made] of Object.entries(this.switches))
      for (const button of made.children) pressed(button, button.value === this.view[name]);
    if (Number(this.slider.value) !== this.view.least) this.slider.value = this.view.least;
    this.nameLeast();
    const rows = this.chosen();
    this.together.hidden = rows.length < 2;
    this.counted.textContent = fill(text.together, { count: rows.length });
    const means = [
      this.on.size > 1 ? fill(text.mean, { count: this.on.size }) : "",
      rows.length > 1 && this.view.rows === "sum" ? fill(text.sum_of, { count: rows.length }) : "",
    ];
    this.titles.mean.textContent = means.filter(Boolean).join(" · ");
    this.aligned.hidden = !this.onlyStrongest();
    this.items.queries.forEach((item, query) =>
      item.setAttribute("aria-selected", String(rows.includes(query))),
    );
    const active = this.cursor ?? this.pin.rows[0];
    this.queries.setAttribute("aria-activedescendant", active === undefined ? "" : `q${active}`);
    this.drawRow();
    this.drawOverview();
    this.speak();
  }
}
