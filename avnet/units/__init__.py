"""Descriptions as strings: speech as learned units, without text; sentences as words."""
