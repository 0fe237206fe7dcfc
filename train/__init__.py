"""Steps, loops, presets and resume. Programs of the checkout, not of the wheel."""
