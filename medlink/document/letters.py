"""Whether a note is typed without capitals: then these do not tell where a heading stands."""

# Other notes have 2% and more.
_FEW_CAPITALS = 0.01


def is_in_small_letters(text: str) -> bool:
    """Whether a text is written in small letters."""
    letters = sum(map(str.isalpha, text))
    return letters > 0 and sum(map(str.isupper, text)) < _FEW_CAPITALS * letters
