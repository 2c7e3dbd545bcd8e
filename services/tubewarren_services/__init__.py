"""The services of Tubewarren and its command line, `svc`."""
