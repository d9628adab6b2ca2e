"""Measure networks on folders of pictures, by the paper's protocols."""
