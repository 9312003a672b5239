"""What `desk bench` measures: ratios from one run on one machine, never absolute promises."""
