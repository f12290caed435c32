"""What users read: tables, lines, progress bars and pictures."""
