"""Kill the desk's parts under load, and compare its books with the venue's afterwards."""
