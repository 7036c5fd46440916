"""From maps of probability to alarms: regions, evidence, events."""
