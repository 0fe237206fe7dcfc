"""Descriptions as files: for each image its facts, a figure and a sound; of all a listing and a page."""
