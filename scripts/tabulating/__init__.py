"""What measured runs came to: one small file for each, and the table made of them."""
