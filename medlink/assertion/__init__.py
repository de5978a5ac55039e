"""What a note says of a mention: present, absent or possible; current, historical or hypothetical; of whom."""
