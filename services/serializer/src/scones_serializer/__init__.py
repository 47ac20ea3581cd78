"""The serializer: an uploaded photo becomes one model-sized PNG inside a workflow message."""
