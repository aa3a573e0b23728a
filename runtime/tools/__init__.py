"""What the model may call: one file per tool, with input, output, permission and run()."""
