"""Pages: one file each, one `render()` each."""
