"""A table as text: LaTeX, CSV, Markdown.

In: a `Table`. Out: a string; text is escaped only here.
Read first: latex.py.
"""
