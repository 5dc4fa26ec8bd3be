"""Build, measure and break the parts of large systems on your own machine.

Each folder is a room of one concept; `testbed` is the bench they all stand on. README.md has the map.
"""

import sys

# Altair's jsonschema would load this optional package, which builds a grammar of web addresses when it is imported:
# a second of every kernel's start, and no chart is checked for web addresses.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
