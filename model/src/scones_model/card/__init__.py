"""What an evaluation found, as a model card: a page, Markdown, and SageMaker's JSON."""
