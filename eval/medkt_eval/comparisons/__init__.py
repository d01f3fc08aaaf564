"""Everything about one data set: estimates of arms, contrasts between arms, and their p-values.

In: the metrics of each run (`measurement`) and what was declared (`study`). Out: rows of results.json.
Read first: dataset.py, the main path of one data set.
"""
