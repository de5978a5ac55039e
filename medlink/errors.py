"""The one error that medlink raises on purpose: bad input, said in one line with what to do about it."""


class MedlinkError(Exception):
    """Something the user can mend. The message says what was wrong and what to do."""
