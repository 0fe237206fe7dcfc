"""Spoken descriptions, judged by recognizers and by networks that learned listeners' opinions."""
