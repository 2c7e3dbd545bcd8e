"""Alarms: what needs a person is sent to where the person is, a few messages and never a storm."""
