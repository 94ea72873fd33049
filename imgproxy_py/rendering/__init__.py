"""The use case: a request becomes a picture, made or found made."""
