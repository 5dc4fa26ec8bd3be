"""A small sign for each kind of part, 16 by 16: a kind is told by its sign and its word, never by colour alone."""

from __future__ import annotations

GLYPHS = {
    "clients": '<circle cx="8" cy="4.5" r="3"/><path d="M2 15c0-4 2.5-6 6-6s6 2 6 6z"/>',
    "dns": '<circle cx="8" cy="8" r="6.5" fill="none"/>'
    '<path d="M1.5 8h13M8 1.5c-4 4-4 9 0 13M8 1.5c4 4 4 9 0 13" fill="none"/>',
    "edge": '<circle cx="8" cy="8" r="6.5" fill="none"/><path d="M9 3 5 9h3l-1 4 4-6H8z"/>',
    "balancer": '<path d="M1 8h6M7 8l6-5M7 8h7M7 8l6 5" fill="none"/><circle cx="2" cy="8" r="1.6"/>',
    "service": '<rect x="1.5" y="2" width="13" height="5" rx="1"/><rect x="1.5" y="9" width="13" height="5" rx="1"/>',
    "cache": '<path d="M9.5 1 3 9h4.5L6.5 15 13 7H8.5z"/>',
    "database": '<path d="M2 4v8c0 3 12 3 12 0V4z"/><ellipse cx="8" cy="4" rx="6" ry="2.6" fill="#fff"/>',
    "queue": '<path d="M2 3v10M6 3v10M10 3v10M14 3v10" fill="none" stroke-width="2.4"/>',
    "workers": '<circle cx="8" cy="8" r="3.6" fill="none" stroke-width="2"/>'
    '<path d="M8 .8v3M8 12.2v3M.8 8h3M12.2 8h3M2.9 2.9 5 5M11 11l2.1 2.1M13.1 2.9 11 5M5 11l-2.1 2.1" fill="none"/>',
    "external": '<path d="M4 13a3.2 3.2 0 0 1 .3-6.4A4.2 4.2 0 0 1 12.3 7 3 3 0 0 1 12 13z"/>',
}
