"""Films, photos and sounds that tests make, and decoders that misbehave."""
