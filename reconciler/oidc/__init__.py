"""Logging in with an OpenID Connect provider: what it signs is proven before it is believed. Nothing here knows of the page."""
