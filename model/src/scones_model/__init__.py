"""Picture classifier of Scones Unlimited: dataset, training, evaluation and serving."""
