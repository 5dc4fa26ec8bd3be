"""Lab checks, points and the learner's progress: `from minisys.grading import checks, board, progress`.

Nothing is imported here, so that a room that only records an answer does not load what checks a lab.
"""
