"""What every package uses: errors, atomic files, generators, workers, colour."""
