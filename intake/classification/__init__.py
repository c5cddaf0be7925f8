"""What is this message about? A pure function of the message and a trained model."""
