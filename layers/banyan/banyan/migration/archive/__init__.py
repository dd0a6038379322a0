"""The legacy system's tables as compressed JSON lines with a manifest, and back."""
