"""The surfaces of the Cleanlist service, one module each."""
