"""From one video to its segments: which frames and which sound are kept."""
