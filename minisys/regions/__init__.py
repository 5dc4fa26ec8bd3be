"""Losing a whole region and carrying on: distance, standbys, names that move, and backups that were tried."""
