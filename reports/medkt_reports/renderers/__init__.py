"""A table as text: LaTeX, CSV, Markdown.

In: a `Table`. Out: a string; escaping happens here and nowhere else.
Read first: latex.py.
"""
