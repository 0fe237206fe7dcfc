"""Folders of records: preparing, checking, repairing, describing them."""
