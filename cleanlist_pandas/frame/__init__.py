"""The pandas ends: which columns identify a person, who they are, and the answers joined back."""
