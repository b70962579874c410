"""Pages of HTML that stand alone, made as a tree of elements.

The standard library writes the tree out, so that whatever comes from a user's files or code (names,
messages, numbers) is text and never markup.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

__all__ = ["document", "tag"]


def tag(name: str, /, *children: Element | str, **attributes: str) -> Element:
    """Return an element; ``class_`` is the attribute class."""
    element = Element(name, {key.rstrip("_"): value for key, value in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            element.append(child)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + child
        else:
            element.text = (element.text or "") + child
    return element


def document(title: str, *body: Element | str) -> str:
    """Return a whole page."""
    html = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", title),
        ),
        tag("body", *body),
        lang="en",
    )
    return "<!DOCTYPE html>\n" + tostring(html, encoding="unicode", method="html") + "\n"
