"""Architectures as text: they validate, draw themselves, run in virtual time, are attacked, costed, judged, started."""
