"""emocli: composable filters for multimodal emotion recognition."""
