"""What a caller and a server do about calls that are late, fail, or are too many (chapter 10)."""
