"""Labelled pictures: where they come from, how they are divided, what is known of them."""
