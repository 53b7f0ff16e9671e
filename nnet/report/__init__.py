"""What the screen, the Markdown page and the HTML page say about scores."""
