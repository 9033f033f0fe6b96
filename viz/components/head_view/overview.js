// A small picture of a long sentence, in which the window is chosen that is shown.

const OVERVIEW = 168;

class HeadOverview extends HeadElements {
  // The frame follows the pointer here; the server is asked when it is let go.
  grab(event) {
    const box = this.thumb.getBoundingClientRect();
    const { total } = this.message;
    const move = ({ clientX, clientY }) => {
      const { size } = this.view.window;
      const share = [(clientY - box.top) / box.height, (clientX - box.left) / box.width];
      this.shift(share.map((part, axis) => Math.round(part * total[axis] - size / 2)));
    };
    this.thumb.setPointerCapture(event.pointerId);
    this.thumb.onpointermove = move;
    this.thumb.onpointerup = this.thumb.onpointercancel = () => {
      this.thumb.onpointermove = this.thumb.onpointerup = this.thumb.onpointercancel = null;
      this.tell();
    };
    move(event);
  }

  step(event) {
    const { query, key, size } = this.view.window;
    const half = Math.max(1, size >> 1);
    const moves = { ArrowUp: [-half, 0], ArrowDown: [half, 0], ArrowLeft: [0, -half], ArrowRight: [0, half] };
    const move = moves[event.key];
    this.obey(event, move && (() => {
      this.shift([query + move[0], key + move[1]]);
      this.tell(true);
    }));
  }

  shift([query, key]) {
    const { size } = this.view.window;
    const within = (at, axis) => Math.max(0, Math.min(at, this.message.total[axis] - size));
    this.view.window = { query: within(query, 0), key: within(key, 1), size };
    this.drawOverview();
  }

  // Another size, around the same middle.
  zoom(size) {
    const before = this.view.window;
    const moved = (before.size - size) >> 1;
    this.view.window = { ...before, size };
    this.shift([before.query + moved, before.key + moved]);
    this.tell();
  }

  drawOverview() {
    const { overview, small, heads, total, first, queries, keys, text, sizes } = this.message;
    this.overview.hidden = !overview;
    if (!overview) return;
    const [rows, columns] = overview;
    const longest = Math.max(...total);
    const [height, width] = total.map((n) => Math.max(24, Math.round((OVERVIEW * n) / longest)));
    const ctx = placed(this.thumb, width, height);
    ctx.fillStyle = this.ink;
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        let most = 0;
        for (const head of this.on) {
          const at = ((this.pin.layer * heads + head) * rows + row) * columns + column;
          most = Math.max(most, small[at]);
        }
        ctx.globalAlpha = most / 255;
        ctx.fillRect((column * width) / columns, (row * height) / rows, width / columns, height / rows);
      }
    ctx.globalAlpha = 1;
    const { query, key, size } = this.view.window;
    const frame = [(key / total[1]) * width, (query / total[0]) * height];
    const extent = [(Math.min(size, total[1]) / total[1]) * width, (Math.min(size, total[0]) / total[0]) * height];
    ctx.strokeStyle = this.accent;
    ctx.lineWidth = 2.5;
    ctx.strokeRect(frame[0] + 1, frame[1] + 1, extent[0] - 2, extent[1] - 2);
    const span = (from, count) => (count > 1 ? `${from + 1}–${from + count}` : `${from + 1}`);
    this.where.textContent = fill(text.window, {
      queries: span(first[0], queries.length),
      keys: span(first[1], keys.length),
      n_queries: total[0],
      n_keys: total[1],
    });
    this.zooms.forEach((button, i) => pressed(button, sizes[i] === size));
  }
}
