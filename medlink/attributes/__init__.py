"""What a note gives with a mention: doses, values with units, sides, severity, dates."""
