"""Learning voices of trees."""
