"""Words, numbers and references as they are printed, for every table, figure and sentence.

In: strings and numbers of results.json. Out: text for people.
Read first: words.py. The words of metrics, intervals and tests are facts of `medkt_eval.results.vocabulary`.
"""
