"""What handles a call once it is answered; runs in a worker, on a `Line`."""
