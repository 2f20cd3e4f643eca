"""Frozen shapes of sessions. Written by `typed-sessions revision`; do not edit."""
