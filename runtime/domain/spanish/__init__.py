"""Mexican Spanish as pure rules: dates and times people write, formats we write, folding, and checks on replies."""
