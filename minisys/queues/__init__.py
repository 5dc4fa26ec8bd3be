"""Work that waits in line: queues and logs between those who ask and those who do (chapter 08)."""
