"""The HTML page, the checklists and the model card.

In: tables, figures and sentences. Out: text, through the templates.
Read first: contents.py, everything on the page in its order.
"""
