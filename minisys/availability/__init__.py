"""Availability: what nines cost, where the single point of failure is, and what a spare is worth (chapter 01)."""
