"""The kinds of component that can be diagnosed, a folder each: what it needs, its mistakes."""
