"""A model that judges replies by a rubric, and how far people agree with it; optional, and never trusted unmeasured."""
