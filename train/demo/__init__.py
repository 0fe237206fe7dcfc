"""The demo: from free material to a report."""
