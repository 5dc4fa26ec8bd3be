"""Caching: which copies to keep, how long to trust them, and what happens when many want the one that is not there.

policies and admission decide what goes; cache counts; theory predicts; curves and model simulate; live and real run.
"""
