"""How far pictures and maps are from the truth, and how sure that is."""
