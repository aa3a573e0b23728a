"""The model and tools loop, its history and its versioned prompts."""
