"""What is known of rows beside their vectors, and all rows one after another."""
