"""Several copies of the same data: who may write, when a write counts, what a read may return (chapter 06)."""
