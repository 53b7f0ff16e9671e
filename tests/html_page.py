"""What a page of HTML holds."""

import html.parser


class Page(html.parser.HTMLParser):
    """Counts elements, collects addresses, and checks that every element is closed."""

    VOID = ("meta", "path", "use", "rect", "image")

    def __init__(self, text):
        super().__init__()
        self.open, self.counts, self.addresses = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag
