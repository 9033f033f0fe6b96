// What every component is built on: one view for each place on the page, kept from message to message.
//
//   class HeadView extends View { … }
//   export default function headView(component) {
//     return mounted(HeadView, component);
//   }
//
// A view makes its elements (`this.root` and what is in it) when it is constructed, and has
//   receive(message)   what Python has sent, once `read(data)` has unpacked it
//   layout()           the page gives more or less room; for views that call `watchWidth()`
// and tells Python with `this.setState(name, value)`.

const views = new WeakMap();

// Streamlit calls this for every message, and the function that the last call returned when the view
// goes away; that of a call which another overtook while the script was loading it calls at once.
function mounted(Kind, { data, parentElement, setStateValue }) {
  const view = views.get(parentElement) ?? new Kind(parentElement);
  views.set(parentElement, view);
  view.setState = setStateValue;
  view.expect(data);
  const expected = view.expected;
  return () => {
    if (view.expected !== expected) return;
    view.remove();
    views.delete(parentElement);
  };
}

class View {
  read(data) {
    return data;
  }

  // Unpacking takes a moment; a message that was overtaken meanwhile is not drawn any more.
  async expect(data) {
    const reading = (this.expected = Promise.resolve(this.read(data)));
    const message = await reading;
    if (this.expected === reading) this.receive(message);
  }

  watchWidth() {
    this.resizer = new ResizeObserver(() => {
      if (this.message && this.root.clientWidth !== this.width) this.layout();
    });
    this.resizer.observe(this.root);
  }

  remove() {
    this.expected = null;
    this.resizer?.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.waiting);
    this.root.remove();
  }

  // A key with Ctrl, Alt or ⌘ is the browser's.
  isOurs(event) {
    return Boolean(this.message) && !event.ctrlKey && !event.metaKey && !event.altKey;
  }

  // What a key stands for here, and nothing else: Streamlit has hotkeys of its own.
  obey(event, move) {
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }
}

function element(tag, properties = {}, children = []) {
  const made = document.createElement(tag);
  const { role, ...plain } = properties;
  if (role) made.setAttribute("role", role);
  Object.assign(made, plain);
  made.append(...children);
  return made;
}

function pressed(button, isPressed) {
  button.setAttribute("aria-pressed", String(isPressed));
}

// One pass, so that a label that looks like a template stays a label.
function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function range(count) {
  return Array.from({ length: count }, (_, i) => i);
}

function clamp(index, count) {
  return Math.max(0, Math.min(index, count - 1));
}
