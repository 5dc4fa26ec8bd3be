"""How many servers now? Rules that start and stop them as the load changes, and what each rule costs (chapter 09)."""
