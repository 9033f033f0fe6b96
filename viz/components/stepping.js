// What views need whose steps a presenter walks through: keys from anywhere on the page, and a link
// that follows when the hand rests.

const TELL_MS = 400;

class Stepping extends View {
  // A presenter's remote control types into the page, wherever the focus is; never into a box.
  listen() {
    this.root.addEventListener("keydown", (event) => this.press(event));
    this.anywhere = (event) => {
      const stepping = ["ArrowRight", "ArrowLeft"].includes(event.key) && !event.shiftKey;
      if (event.target === document.body && stepping) this.press(event);
    };
    document.addEventListener("keydown", this.anywhere);
  }

  // While keys or clicks follow each other, only the last place is worth a trip to the server.
  tell(name, place) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.setState(name, place()), TELL_MS);
  }

  remove() {
    super.remove();
    document.removeEventListener("keydown", this.anywhere);
  }
}
