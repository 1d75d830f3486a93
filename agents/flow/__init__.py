"""`flow`: a small flow-matching video model that ships trained, one a law of the disc world."""
