"""Ours in other people's programs: darktable, the Hugging Face Hub, spandrel."""
