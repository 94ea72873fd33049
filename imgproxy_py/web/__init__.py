"""The aiohttp application around the wings."""
