"""Asking for pictures before anybody else does, so that caches have them."""
