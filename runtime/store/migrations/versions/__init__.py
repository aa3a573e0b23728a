"""One migration a file, in order; the SQL of each stands beside it."""
