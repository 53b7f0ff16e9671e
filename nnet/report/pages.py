"""Writing of a report: report.md, a self-contained report.html, plots and metrics.json."""

import html
import json
import os

from nnet.files import atomic_write, make_directory
from nnet.report.tables import as_html, as_markdown, markdown_text

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 0 auto;
  padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #ddd; padding-bottom: .25rem; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.table { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .65rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e4e4; }
thead th { border-bottom: 2px solid #888; vertical-align: bottom; }
th:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
tbody th { font-weight: normal; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: 0; max-width: 34rem; }
.wide { grid-template-columns: 1fr; }
.wide figure { max-width: none; overflow-x: auto; }
.wide figure svg { min-width: 40rem; }
figcaption { font-size: .9rem; }
figure svg { display: block; width: 100%; height: auto; }
@media print {
  body { font-size: 10pt; max-width: none; padding: 0; }
  .table { overflow: visible; }
  .plots:not(.wide) { grid-template-columns: 1fr 1fr; }
  .plots:not(.wide) figure { max-width: 8.5cm; }
  table { font-size: 7.5pt; }
  th, td { padding: .15rem .3rem; white-space: normal; }
  h2, figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""


def write_report(folder, title, results, sections):
    """Writes a report.

    Args:
        folder: created if missing.
        title: of both pages.
        results: the dict for metrics.json.
        sections: list of `nnet.report.sections.Section`.
    """
    make_directory(folder)
    for section in sections:
        for name, (_, svg) in section.images.items():
            _write(os.path.join(folder, name), svg)
    _write(os.path.join(folder, "metrics.json"), json.dumps(results, indent=1) + "\n")
    _write(os.path.join(folder, "report.md"), markdown(title, sections))
    _write(os.path.join(folder, "report.html"), page(title, sections))


def markdown(title, sections):
    """Formats a report as GitHub Markdown that links to the plots."""
    parts = [f"# {markdown_text(title)}\n"]
    for section in sections:
        parts.append(f"## {markdown_text(section.title)}\n")
        if section.text:
            parts.append(f"{markdown_text(section.text)}\n")
        if section.rows:
            parts.append(as_markdown(section.rows))
        parts += [f"![{markdown_text(what)}]({name})\n" for name, (what, _) in section.images.items()]
    return "\n".join(parts)


def page(title, sections):
    """Formats a report as one HTML page with embedded style and plots."""
    body = "".join(_section(section) for section in sections)
    heading = html.escape(title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n{body}</body>\n</html>\n"
    )


def _section(section):
    parts = [f"<section>\n<h2>{html.escape(section.title)}</h2>\n"]
    if section.text:
        parts.append(f"<p>{html.escape(section.text)}</p>\n")
    if section.rows:
        parts.append(f'<div class="table">{as_html(section.rows)}</div>\n')
    if section.images:
        figures = (_figure(what, svg, section.wide) for what, svg in section.images.values())
        parts.append(f'<div class="plots{" wide" * section.wide}">\n{"".join(figures)}</div>\n')
    return "".join(parts) + "</section>\n"


def _figure(what, svg, with_caption):
    """Wraps an SVG with a label for screen readers, and for all on request; the style sets its size."""
    label = html.escape(what)
    caption = f"<figcaption>{label}</figcaption>" * with_caption
    return f'<figure role="img" aria-label="{label}">{caption}{svg}</figure>\n'


def _write(path, text):
    with atomic_write(path) as file:
        file.write(text)
