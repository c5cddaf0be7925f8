"""The first floor: from bytes to a classified message. Knows nothing of cases or replies."""
