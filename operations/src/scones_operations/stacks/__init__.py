"""Create, change and delete the system's CloudFormation stacks."""
