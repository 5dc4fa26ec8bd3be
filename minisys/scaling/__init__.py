"""Scaling: how far adding machines carries, where it stops, and what must leave the server first (chapter 02).

Import the parts you need: ``from minisys.scaling import explore, stateless``. This page imports nothing, so that a live
process carries neither SimPy nor NumPy.
"""
