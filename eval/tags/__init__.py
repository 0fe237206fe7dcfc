"""Tags of images beside what people wrote of them."""
