"""Reports on scores, as text, Markdown and HTML."""
