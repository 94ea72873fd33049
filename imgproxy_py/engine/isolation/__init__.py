"""Work that cannot be interrupted, done in processes that can be killed."""
