"""Tables, figures, HTML and LaTeX, drawn only from results.json."""
