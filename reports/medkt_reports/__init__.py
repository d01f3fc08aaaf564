"""Tables, figures, HTML and LaTeX, drawn from results.json alone."""
