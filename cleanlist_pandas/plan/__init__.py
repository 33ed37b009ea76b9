"""Pure decisions: who would be bought, and for how much."""
