"""Formatting of tables, lists of rows of text with the header first, as plain text, Markdown and HTML."""

import html


def as_text(rows):
    """Formats a table as plain text: the first column left-aligned, the others right-aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def markdown_text(text):
    """Escapes what Markdown would take for HTML or for the border of a cell."""
    return html.escape(text, quote=False).replace("|", "\\|")


def as_markdown(rows):
    """Formats a table as GitHub Markdown."""
    rows = [[markdown_text(cell) for cell in row] for row in rows]
    rule = ["---", *("--:" for _ in rows[0][1:])]
    return "".join(f"| {' | '.join(row)} |\n" for row in [rows[0], rule, *rows[1:]])


def as_html(rows):
    """Formats a table as an HTML element; the first column contains row headers."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in rows[0])
    body = []
    for row in rows[1:]:
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        body.append(f'<tr><th scope="row">{html.escape(row[0])}</th>{cells}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>\n"
