"""What every package uses: limits of the networks, the environment, files that are checked before they are read."""
