"""A small media site on loopback, some of it misbehaving on purpose, for `make demo`."""
