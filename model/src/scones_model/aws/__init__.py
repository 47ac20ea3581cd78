"""SageMaker and S3: upload, training jobs, the registry, the endpoint."""
