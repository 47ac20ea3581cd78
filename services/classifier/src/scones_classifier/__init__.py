"""Sends a serialized image to the SageMaker endpoint and reads its prediction."""
