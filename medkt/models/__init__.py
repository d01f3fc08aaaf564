"""Networks, which of their layers train, the weights they start from, and frozen teachers."""
