"""Questions with feedback: a bank in YAML, drawn by seed, judged by code, asked in the page and in the terminal.

`page.quiz("03")` in a notebook, `minisys quiz 03` in a terminal. The bank's form is in `schema`, its files in `bank/`.
"""
