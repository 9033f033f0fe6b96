"""The parts of the page "Before the Transformer", one a file; each draws itself: `render(say)`."""
