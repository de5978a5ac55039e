"""What is read off a note before any model: sections, sentences and abbreviations."""
