"""Build, measure and break the parts of large systems on your own machine.

Each folder is a room of one concept; `testbed` is the bench they all stand on. README.md has the map.
"""
