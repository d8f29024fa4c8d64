"""How each vendor speaks: dialects (pure), the upstream client, the catalogue of products, health."""
