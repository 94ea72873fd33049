"""The only home of pyvips: bytes and a recipe become a picture."""
