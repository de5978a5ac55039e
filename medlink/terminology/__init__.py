"""The concept store: terminologies built once, read memory-mapped, looked up by id, name or word."""
