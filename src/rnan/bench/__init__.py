"""Time and memory, against yardsticks measured in the same run."""
