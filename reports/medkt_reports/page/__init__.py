"""The HTML page, the checklists and the model card.

In: tables, figures and sentences. Out: text, through the templates.
Read first: contents.py, what the page says in its order.
"""
