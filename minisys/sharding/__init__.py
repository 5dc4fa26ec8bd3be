"""Sharding: which of many owners keeps a key, and what moves when an owner comes or goes.

Import the parts you need: ``from minisys.sharding import policies``.
"""
