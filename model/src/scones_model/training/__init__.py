"""From pictures to a network: pretraining, training, calibration, export."""
