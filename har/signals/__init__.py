"""What a phone measures and what is made of it: filters, channels, resampling, units."""
