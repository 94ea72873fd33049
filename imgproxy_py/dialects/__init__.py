"""URL text to `ImageRequest` and back; one dialect a file or folder."""
