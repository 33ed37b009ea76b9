"""The only part that may spend: it sends, records and settles."""
