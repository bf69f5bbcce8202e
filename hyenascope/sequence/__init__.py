"""DNA as text, tokens and one-hot rows."""
