"""Where orders are executed: one package per venue, all of the shape in `model`."""
