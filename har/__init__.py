"""Human activity recognition from phone sensors with recurrent networks."""
