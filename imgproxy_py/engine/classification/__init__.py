"""Telling what pictures show as a whole (dialect §5.7)."""
