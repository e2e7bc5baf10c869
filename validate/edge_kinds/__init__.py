"""Ways to make an edge case out of an ordinary example: one dict of kinds per modality."""
