"""Tests of writing a fleet's text."""
