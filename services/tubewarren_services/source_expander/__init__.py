"""source-expander: lists the videos of a source and orders each of them."""
