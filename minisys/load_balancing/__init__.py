"""Load balancing: one address in front, many backends behind, and one decision for each request.

Import the parts you need: ``from minisys.load_balancing import policies, model``. This page imports nothing, so that
a live proxy process carries neither SimPy nor NumPy.
"""
