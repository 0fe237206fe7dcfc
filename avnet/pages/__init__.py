"""Result pages and figures, and heatmaps laid over images."""
