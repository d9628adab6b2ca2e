"""The bundled networks and their cards."""
