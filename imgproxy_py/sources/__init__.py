"""Originals by reference."""
