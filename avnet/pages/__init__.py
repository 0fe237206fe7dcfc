"""Result pages and figures."""
