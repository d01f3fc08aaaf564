"""The command line.

In: arguments. Out: calls of the other rooms; an exit status, and for wrong input one line on standard error.
Read first: app.py, which lists the commands. Each long command has a file of its own. Commands import what they need
inside their functions, so that `medkt --help` answers at once and evaluation needs no torch.
"""
