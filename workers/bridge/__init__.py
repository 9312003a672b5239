"""The bridge to a venue: what is sent, asked, compared and reported, for one account each."""
