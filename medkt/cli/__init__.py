"""The command line.

In: arguments. Out: calls of the other rooms, one line for each error, and an exit status.
Read first: app.py. A command imports what it needs inside itself.
"""
