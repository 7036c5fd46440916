"""Footage: videos and masks in, clean clips out."""
