"""What can be asked for, described once for every door."""
