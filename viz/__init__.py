"""What the classroom sees: pages, charts and components over a Trace."""
