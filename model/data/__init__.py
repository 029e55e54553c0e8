"""What training reads: faces, triplets, batches, splits."""
