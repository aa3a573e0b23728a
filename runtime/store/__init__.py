"""Tables, unit of work, repositories and migrations: the only place that speaks SQL."""
