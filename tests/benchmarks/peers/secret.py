"""What every peer signs its cookies with."""

SECRET = "9f1c0d4be6a84f5f9d8a7c3b2e1f0a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f"
