"""Two runs of one suite, side by side: which turns are the same, which changed, which broke and which were mended."""
