"""Scaling: how far adding machines carries, where it stops, and what must leave the server first (chapter 02)."""
