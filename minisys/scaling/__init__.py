"""Scaling: how far does adding machines carry, and what must be true of the software for it to carry at all?

Import the parts you need: ``from minisys.scaling import stateless, surge``. This page imports nothing, so that a live
process carries neither SimPy nor NumPy.
"""
